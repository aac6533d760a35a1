-- Puts one text in the place of another, if it is still there. KEYS: key. ARGV: 1 text that is there, or '', 2 new text.
-- Returns whether the new text is there now, which a repetition finds as well.
local there = redis.call('GET', KEYS[1]) or ''
if there == ARGV[2] then return 1 end
if there ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2])
return 1
