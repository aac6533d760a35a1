-- Takes an override back, and keeps in its place what of it was in force.
-- KEYS: overrides. ARGV: 1 the override, 2 what is kept of it, empty for nothing. Returns 1 if it was there.
local place = redis.call('ZSCORE', KEYS[1], ARGV[1])
if not place then return 0 end
redis.call('ZREM', KEYS[1], ARGV[1])
if ARGV[2] ~= '' then redis.call('ZADD', KEYS[1], place, ARGV[2]) end
return 1
