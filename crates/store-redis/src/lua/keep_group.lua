-- Stores a group if it is at the version that its caller saw. KEYS: group. ARGV: 1 that version, 0 for none, 2 document,
-- 3 until when it is kept. Returns whether it is stored, which a repetition finds as well.
local version = tonumber(ARGV[1])
local held = redis.call('HMGET', KEYS[1], 'version', 'doc')
local at = tonumber(held[1] or '0')
if at ~= version then
    return (at == version + 1 and held[2] == ARGV[2]) and 1 or 0
end
redis.call('HSET', KEYS[1], 'version', version + 1, 'doc', ARGV[2])
redis.call('PEXPIREAT', KEYS[1], ARGV[3])
return 1
