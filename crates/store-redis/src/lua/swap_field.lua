-- Puts one value of a hash in the place of another, if it is still there. KEYS: hash. ARGV: 1 field, 2 value, 3 new value.
if redis.call('HGET', KEYS[1], ARGV[1]) == ARGV[2] then redis.call('HSET', KEYS[1], ARGV[1], ARGV[3]) end
return 1
