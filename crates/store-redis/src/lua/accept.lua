-- Stores events that are about to be published, unless they are known. KEYS: accepted, counts.
-- ARGV: name and document of each. A repetition of the call finds them known.
local fresh = 0
for n = 1, #ARGV, 2 do fresh = fresh + redis.call('HSETNX', KEYS[1], ARGV[n], ARGV[n + 1]) end
if fresh > 0 then redis.call('HINCRBY', KEYS[2], 'ea', fresh) end
return fresh
