-- Forgets a run with everything of its shard, if it is at the version that was looked at and is not due.
-- KEYS: those of write.lua, without the resolution. ARGV: 1 id, 2 version, 3 how many cursors of outcomes follow, then
-- those, then the ids of letters. Returns whether the run is gone.
local run = header(KEYS[1])
if redis.call('ZSCORE', KEYS[3], ARGV[1]) then return 0 end
if run then
  if run.version ~= tonumber(ARGV[2]) then return 0 end
  count(KEYS[5], run, nil)
end
local letters = 4 + ARGV[3]
for n = 4, letters - 1 do redis.call('ZREMRANGEBYSCORE', KEYS[8], ARGV[n], ARGV[n]) end
for n = letters, #ARGV do remove_letter(KEYS[9], KEYS[10], KEYS[5], ARGV[n]) end
redis.call('ZREM', KEYS[6], ARGV[1])
redis.call('ZREM', KEYS[7], ARGV[1])
if KEYS[11] then redis.call('ZREM', KEYS[11], ARGV[1]) end
redis.call('DEL', KEYS[1], KEYS[2])
return 1
