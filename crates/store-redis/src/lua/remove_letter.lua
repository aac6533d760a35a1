-- Removes a dead letter from the list. The token of the call is kept for a while, so that a repetition gets the same
-- answer. KEYS: dead, dead by time, counts, token. ARGV: 1 id, 2 token, 3 how long to keep it in milliseconds.
if redis.call('GET', KEYS[4]) == ARGV[2] then return 1 end
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then return 0 end
redis.call('SET', KEYS[4], ARGV[2], 'PX', ARGV[3])
remove_letter(KEYS[1], KEYS[2], KEYS[3], ARGV[1])
return 1
