-- Adds up what became of texts in one slice of time, once for each call. KEYS: the slice. ARGV: 1 seconds to keep it, 2 what
-- the call and its repetitions have in common, then names and counts.
if redis.call('HSETNX', KEYS[1], '#' .. ARGV[2], 1) == 0 then
  return
end
for i = 3, #ARGV, 2 do
  redis.call('HINCRBY', KEYS[1], ARGV[i], ARGV[i + 1])
end
redis.call('EXPIRE', KEYS[1], ARGV[1])
