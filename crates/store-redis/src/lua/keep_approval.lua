-- Stores an approval if it is at the version that its caller saw. KEYS: 1 documents, each after its version and a space; 2 those
-- that are not over: stage, expiry and token; 3 until when each is kept. ARGV: 1 id, 2 that version, 0 for none, 3 document,
-- 4 stage: 0 waits, 1 must be done, 2 over; 5 its expiry, 6 its token, 7 until when it is kept, 8 how many of a token may wait,
-- 9 now, 10 who stores it. Returns 1 if it is stored, 0 if it has another version, 2 if as many as may wait already. Repeated by
-- the same caller, because its answer was lost, it says again that it is stored.
local held = redis.call('HGET', KEYS[1], ARGV[1])
local version, by = 0, ''
if held then
    version, by = string.match(held, '^(%d+) (%S+) ')
    version = tonumber(version)
end
if version ~= tonumber(ARGV[2]) then
    return (version == tonumber(ARGV[2]) + 1 and by == ARGV[10]) and 1 or 0
end
local now = tonumber(ARGV[9])
if ARGV[4] == '0' then
    for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', now, 'LIMIT', 0, 100)) do
        if id ~= ARGV[1] then
            redis.call('HDEL', KEYS[1], id)
            redis.call('HDEL', KEYS[2], id)
            redis.call('ZREM', KEYS[3], id)
        end
    end
    local pending, open = 0, redis.call('HGETALL', KEYS[2])
    for i = 1, #open, 2 do
        local stage, expires, token = string.match(open[i + 1], '^(%d+) (%d+) (.*)$')
        if open[i] ~= ARGV[1] and stage == '0' and token == ARGV[6] and tonumber(expires) > now then
            pending = pending + 1
        end
    end
    if pending >= tonumber(ARGV[8]) then
        return 2
    end
end
redis.call('HSET', KEYS[1], ARGV[1], (version + 1) .. ' ' .. ARGV[10] .. ' ' .. ARGV[3])
if ARGV[4] == '2' then
    redis.call('HDEL', KEYS[2], ARGV[1])
else
    redis.call('HSET', KEYS[2], ARGV[1], ARGV[4] .. ' ' .. ARGV[5] .. ' ' .. ARGV[6])
end
redis.call('ZADD', KEYS[3], ARGV[7], ARGV[1])
return 1
