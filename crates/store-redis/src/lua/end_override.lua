-- Keeps in the place of an override what of it was in force. A repetition finds that, and says the same.
-- KEYS: overrides. ARGV: 1 the override, 2 what is kept of it. Returns 1 if it was there.
local place = redis.call('ZSCORE', KEYS[1], ARGV[1])
if not place then return redis.call('ZSCORE', KEYS[1], ARGV[2]) and 1 or 0 end
redis.call('ZREM', KEYS[1], ARGV[1])
redis.call('ZADD', KEYS[1], place, ARGV[2])
return 1
