-- Adds up what became of texts in one slice of time. KEYS: the slice. ARGV: 1 seconds to keep it, then names and counts.
for i = 2, #ARGV, 2 do
  redis.call('HINCRBY', KEYS[1], ARGV[i], ARGV[i + 1])
end
redis.call('EXPIRE', KEYS[1], ARGV[1])
