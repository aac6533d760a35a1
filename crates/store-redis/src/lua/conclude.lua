-- Takes an event off the list: it has ended in the store. KEYS: accepted, sums. ARGV: 1 name.
-- One that is not on the list was published to the broker by its producer, or this is a repetition.
local known = redis.call('HDEL', KEYS[1], ARGV[1])
redis.call('HINCRBY', KEYS[2], known == 1 and 'ec' or 'eu', 1)
return known
