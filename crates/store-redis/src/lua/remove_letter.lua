-- Takes a dead letter off the list. Who took it is remembered for a while, so that a repetition is told the same.
-- KEYS: dead, dead by time, sums, taker. ARGV: 1 id, 2 token, 3 how long to remember.
if redis.call('GET', KEYS[4]) == ARGV[2] then return 1 end
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then return 0 end
redis.call('SET', KEYS[4], ARGV[2], 'PX', ARGV[3])
remove_letter(KEYS[1], KEYS[2], KEYS[3], ARGV[1])
return 1
