-- Keeps an answer unless one is kept whose time is not over. KEYS: answer. ARGV: 1 now, 2 until, 3 document, 4 who keeps it.
-- Repeated by the same caller, because its answer was lost, it says again that it is kept.
local known = redis.call('HMGET', KEYS[1], 'until', 'by')
if known[1] and tonumber(known[1]) > tonumber(ARGV[1]) then
    return known[2] == ARGV[4] and 1 or 0
end
redis.call('HSET', KEYS[1], 'until', ARGV[2], 'doc', ARGV[3], 'by', ARGV[4])
redis.call('PEXPIREAT', KEYS[1], ARGV[2])
return 1
