-- Records a resolution unless a later one is known, and returns the runs that it ends and those whose tickets hear of it.
-- KEYS: resolution, subject, subject_over. ARGV: 1 time in microseconds, 2 document, 3 how long it is kept in milliseconds.
local known = redis.call('GET', KEYS[1])
local at = known and string.match(known, '^(%-?%d+) ')
if known and not at then error('UNREADABLE resolution ' .. KEYS[1]) end
if not at or tonumber(ARGV[1]) > tonumber(at) then
  redis.call('SET', KEYS[1], ARGV[1] .. ' ' .. ARGV[2])
  local now = redis.call('TIME')
  local from = math.max(now[1] * 1000, math.floor(tonumber(ARGV[1]) / 1000))
  redis.call('PEXPIREAT', KEYS[1], string.format('%.0f', from + tonumber(ARGV[3])))
end
local found = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', '(' .. ARGV[1])
for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', '(' .. ARGV[1])) do found[#found + 1] = id end
return found
