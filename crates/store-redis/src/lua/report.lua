-- Keeps what a process reports, and forgets old reports. KEYS: processes by time, reports. ARGV: 1 process, 2 time in ms,
-- 3 report, 4 before which time reports are forgotten.
redis.call('ZADD', KEYS[1], ARGV[2], ARGV[1])
redis.call('HSET', KEYS[2], ARGV[1], ARGV[3])
for _, process in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', '(' .. ARGV[4])) do
  redis.call('ZREM', KEYS[1], process)
  redis.call('HDEL', KEYS[2], process)
end
