-- Hides due runs whose due time is still the one that was read. The runs that a call took are kept for a while, so that
-- a repetition of it gets the same runs.
-- KEYS: due, runs that this call took. ARGV: 1 hidden until, 2 how long to keep them, then id and due time of each.
if redis.call('EXISTS', KEYS[2]) == 1 then return redis.call('LRANGE', KEYS[2], 0, -1) end
local taken = {}
for n = 3, #ARGV, 2 do
  local due = redis.call('ZSCORE', KEYS[1], ARGV[n])
  if due and tonumber(due) == tonumber(ARGV[n + 1]) then
    redis.call('ZADD', KEYS[1], ARGV[1], ARGV[n])
    taken[#taken + 1] = ARGV[n]
  end
end
if #taken > 0 then
  redis.call('RPUSH', KEYS[2], unpack(taken))
  redis.call('PEXPIRE', KEYS[2], ARGV[2])
end
return taken
