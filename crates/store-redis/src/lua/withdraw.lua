-- Removes the report of a process. KEYS: processes by time, reports. ARGV: 1 process.
redis.call('ZREM', KEYS[1], ARGV[1])
redis.call('HDEL', KEYS[2], ARGV[1])
