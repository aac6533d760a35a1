-- Takes effects of a destination that are due, earliest first, hides them and raises their epochs.
-- KEYS: effects, due rows. ARGV: 1 destination, 2 now, 3 hidden until, 4 most. Returns ids, epochs and documents.
local due, taken = due_key(KEYS[2], ARGV[1]), {}
for _, id in ipairs(redis.call('ZRANGEBYSCORE', due, '-inf', ARGV[2], 'LIMIT', 0, ARGV[4])) do
  local stored = redis.call('HGET', KEYS[1], id)
  if not stored then
    redis.call('ZREM', due, id)
  else
    local epoch, document = string.match(stored, '^(%d+) (.*)$')
    if not epoch then error('UNREADABLE effect ' .. id) end
    epoch = string.format('%.0f', epoch + 1)
    redis.call('ZADD', due, ARGV[3], id)
    redis.call('HSET', KEYS[1], id, epoch .. ' ' .. document)
    taken[#taken + 1] = { id, epoch, document }
  end
end
return taken
