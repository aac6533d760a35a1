-- Removes events from their lists: they have ended. Those that are not on their list were published to the broker by their
-- producers, or this is a repetition.
-- KEYS: counts, then lists of accepted events. ARGV: for each list how many names follow, then those.
local known, unknown, at = 0, 0, 1
for list = 2, #KEYS do
  local last = at + ARGV[at]
  local removed = redis.call('HDEL', KEYS[list], unpack(ARGV, at + 1, last))
  known, unknown, at = known + removed, unknown + ARGV[at] - removed, last + 1
end
if known > 0 then redis.call('HINCRBY', KEYS[1], 'ec', known) end
if unknown > 0 then redis.call('HINCRBY', KEYS[1], 'eu', unknown) end
return known
