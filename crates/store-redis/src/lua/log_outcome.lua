-- Adds an outcome event after all others, unless it is there. KEYS: ids by position, documents by id.
-- ARGV: 1 id, 2 document, 3 most. The latest is never removed, so no position is used twice.
if redis.call('ZSCORE', KEYS[1], ARGV[1]) then
    return 0
end
local last = redis.call('ZREVRANGE', KEYS[1], 0, 0, 'WITHSCORES')
redis.call('ZADD', KEYS[1], last[2] and last[2] + 1 or 1, ARGV[1])
redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])
local beyond = redis.call('ZCARD', KEYS[1]) - tonumber(ARGV[3])
if beyond > 0 then
    for _, id in ipairs(redis.call('ZRANGE', KEYS[1], 0, beyond - 1)) do
        redis.call('ZREM', KEYS[1], id)
        redis.call('HDEL', KEYS[2], id)
    end
end
return 1
