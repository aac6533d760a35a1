-- Puts an outcome event in the place of the one with its id. KEYS: ids by position, documents by id.
-- ARGV: 1 id, 2 document.
if redis.call('HEXISTS', KEYS[2], ARGV[1]) == 1 then
    redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])
end
return 1
