-- Stores events that are about to be published, unless they are known. A repetition of the call finds them known.
-- KEYS: counts, then lists of accepted events. ARGV: for each list how many words follow, then name and document of each
-- event.
local fresh, at = 0, 1
for list = 2, #KEYS do
  local last = at + ARGV[at]
  for n = at + 1, last, 2 do fresh = fresh + redis.call('HSETNX', KEYS[list], ARGV[n], ARGV[n + 1]) end
  at = last + 1
end
if fresh > 0 then redis.call('HINCRBY', KEYS[1], 'ea', fresh) end
return fresh
