-- Outcome events after a position. KEYS: ids by position, documents by id. ARGV: 1 after, 2 most.
local found = redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. ARGV[1], '+inf', 'WITHSCORES', 'LIMIT', 0, ARGV[2])
local rows = {}
for at = 1, #found, 2 do
    rows[#rows + 1] = { tonumber(found[at + 1]), redis.call('HGET', KEYS[2], found[at]) }
end
return rows
