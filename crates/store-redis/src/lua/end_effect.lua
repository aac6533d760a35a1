-- Ends an effect, if it is still at its epoch: it was delivered, or becomes a dead letter.
-- KEYS: effects, due rows, counts, dead, dead by time. ARGV: 1 id, 2 destination, 3 epoch, then for a dead letter its id,
-- time, reason and document.
if at_epoch(KEYS[1], ARGV[1], ARGV[3]) then
  local is_dead = #ARGV > 3
  -- The first write is one that a full server refuses, so that nothing is half written.
  redis.call('HINCRBY', KEYS[3], is_dead and 'fx' or 'fo', 1)
  if is_dead then add_letter(KEYS[4], KEYS[5], KEYS[3], ARGV[4], ARGV[5], ARGV[6], ARGV[7]) end
  redis.call('HDEL', KEYS[1], ARGV[1])
  redis.call('ZREM', due_key(KEYS[2], ARGV[2]), ARGV[1])
end
return 1
