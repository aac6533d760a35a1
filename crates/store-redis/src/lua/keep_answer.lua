-- Keeps an answer unless one is kept whose time is not over. KEYS: answer. ARGV: 1 now, 2 until, 3 document.
local known = redis.call('HGET', KEYS[1], 'until')
if known and tonumber(known) > tonumber(ARGV[1]) then
    return 0
end
redis.call('HSET', KEYS[1], 'until', ARGV[2], 'doc', ARGV[3])
redis.call('PEXPIREAT', KEYS[1], ARGV[2])
return 1
