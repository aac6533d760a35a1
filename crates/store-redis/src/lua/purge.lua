-- Deletes a run with everything of its shard, if it is at the version that was read and is not due.
-- KEYS: those of write_arguments.rs, without the resolution. ARGV: 1 id, 2 version, 3 how many cursors of outcomes
-- follow, then those, then the ids of dead letters. Returns whether the run is gone.
local run = header(KEYS[run])
if redis.call('ZSCORE', KEYS[due], ARGV[1]) then return 0 end
if run then
  if run.version ~= tonumber(ARGV[2]) then return 0 end
  local changes = {}
  count(changes, run.counts_as, -1)
  write_counts(KEYS[counts], changes)
end
local letters = 4 + ARGV[3]
for n = 4, letters - 1 do redis.call('ZREMRANGEBYSCORE', KEYS[outcomes], ARGV[n], ARGV[n]) end
for n = letters, #ARGV do remove_letter(KEYS[letters], KEYS[letters_at], KEYS[counts], ARGV[n]) end
redis.call('ZREM', KEYS[runs], ARGV[1])
redis.call('ZREM', KEYS[ended], ARGV[1])
redis.call('ZREM', KEYS[ended_other], ARGV[1])
redis.call('ZREM', KEYS[review], ARGV[1])
if KEYS[subject] then
  redis.call('ZREM', KEYS[subject], ARGV[1])
  redis.call('ZREM', KEYS[subject_over], ARGV[1])
end
redis.call('DEL', KEYS[run], KEYS[timeline])
return 1
