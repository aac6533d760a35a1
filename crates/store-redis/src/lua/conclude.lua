-- Removes events from the list: they have ended. KEYS: accepted, counts. ARGV: their names.
-- Those that are not on the list were published to the broker by their producers, or this is a repetition.
local known = redis.call('HDEL', KEYS[1], unpack(ARGV))
if known > 0 then redis.call('HINCRBY', KEYS[2], 'ec', known) end
if known < #ARGV then redis.call('HINCRBY', KEYS[2], 'eu', #ARGV - known) end
return known
