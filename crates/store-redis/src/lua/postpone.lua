-- Records that an event was published again, unless it has ended meanwhile. KEYS: accepted. ARGV: 1 name, 2 document.
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
return 1
