-- Adds reply routes of one phone; the latest are kept.
-- KEYS: routes of the phone. ARGV: 1 most that are kept, then expiry in microseconds and name of each.
for n = 2, #ARGV, 2 do
  redis.call('ZADD', KEYS[1], 'GT', ARGV[n], ARGV[n + 1])
end
local now = redis.call('TIME')
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now[1] * 1000000 + now[2]))
redis.call('ZREMRANGEBYRANK', KEYS[1], 0, -(tonumber(ARGV[1]) + 1))
local last = redis.call('ZREVRANGE', KEYS[1], 0, 0, 'WITHSCORES')
if last[2] then redis.call('PEXPIREAT', KEYS[1], string.format('%.0f', math.ceil(tonumber(last[2]) / 1000))) end
return 1
