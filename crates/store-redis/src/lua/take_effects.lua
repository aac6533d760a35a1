-- Takes effects of a destination that are due, earliest first, hides them and raises their epochs. What a call took is
-- kept for a while, so that a repetition of it gets the same.
-- KEYS: effects, due rows, what this call took. ARGV: 1 destination, 2 now, 3 hidden until, 4 most, 5 how long to keep
-- what was taken. Returns id, epoch and document of each.
if redis.call('EXISTS', KEYS[3]) == 1 then return redis.call('LRANGE', KEYS[3], 0, -1) end
local due, taken = due_key(KEYS[2], ARGV[1]), {}
for _, id in ipairs(redis.call('ZRANGEBYSCORE', due, '-inf', ARGV[2], 'LIMIT', 0, ARGV[4])) do
  local stored = redis.call('HGET', KEYS[1], id)
  if not stored then
    redis.call('ZREM', due, id)
  else
    local epoch, document = string.match(stored, '^(%d+) (.*)$')
    if not epoch then error('UNREADABLE effect ' .. id) end
    epoch = string.format('%.0f', epoch + 1)
    redis.call('HSET', KEYS[1], id, epoch .. ' ' .. document)
    redis.call('ZADD', due, ARGV[3], id)
    redis.call('RPUSH', KEYS[3], id, epoch, document)
    taken[#taken + 1] = id
    taken[#taken + 1] = epoch
    taken[#taken + 1] = document
  end
end
if #taken > 0 then redis.call('PEXPIRE', KEYS[3], ARGV[5]) end
return taken
