-- Puts one line of a list in the place of another, if it is still there. KEYS: list. ARGV: 1 index, 2 line, 3 new line.
if redis.call('LINDEX', KEYS[1], ARGV[1]) == ARGV[2] then redis.call('LSET', KEYS[1], ARGV[1], ARGV[3]) end
return 1
