-- Adds an on-call override at the end of the list, or moves it there. KEYS: overrides. ARGV: 1 document.
local last = redis.call('ZREVRANGE', KEYS[1], 0, 0, 'WITHSCORES')
redis.call('ZADD', KEYS[1], last[2] and last[2] + 1 or 1, ARGV[1])
return 1
