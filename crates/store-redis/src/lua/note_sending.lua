-- Notes whether texts go out of the account. KEYS: note. ARGV: 1 name of the note that it follows, 2 name, 3 document.
-- Returns whether it is noted now.
local held = redis.call('HGET', KEYS[1], 'name') or ''
if held == ARGV[2] then return 1 end
if held ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'name', ARGV[2], 'doc', ARGV[3])
return 1
