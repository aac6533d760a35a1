-- Stores an effect as it is now, due later, if it is still at its epoch.
-- KEYS: effects, due rows. ARGV: 1 id, 2 destination, 3 epoch, 4 due, 5 document.
if at_epoch(KEYS[1], ARGV[1], ARGV[3]) then
  redis.call('HSET', KEYS[1], ARGV[1], ARGV[3] .. ' ' .. ARGV[5])
  redis.call('ZADD', due_key(KEYS[2], ARGV[2]), ARGV[4], ARGV[1])
end
return 1
