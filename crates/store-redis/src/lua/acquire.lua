-- Reserves a place in a rate-limited queue, as domain::rate_limit::acquire decides. A repetition of the last call gets
-- the same answer.
-- KEYS: queue. ARGV: 1 token, 2 interval in microseconds, 3 burst, 4 horizon in microseconds, 5 cost, 6 the time in
-- microseconds. The queue is one string: until when it is busy, the last caller's token, and its answer.
local interval, now = tonumber(ARGV[2]), tonumber(ARGV[6])
local text = redis.call('GET', KEYS[1])
local busy_until = now
if text then
  local until_text, token, slot = string.match(text, '^(%d+) ([%w-]+) (%d+)$')
  if not until_text then error('UNREADABLE rate limit ' .. KEYS[1]) end
  if token == ARGV[1] then return { 'at', tonumber(slot) } end
  busy_until = math.max(busy_until, tonumber(until_text))
end
local slot = math.max(now, busy_until - (ARGV[3] - 1) * interval)
if slot - now > tonumber(ARGV[4]) then return { 'full', slot - math.floor(ARGV[4] / 2) } end
busy_until = busy_until + ARGV[5] * interval
local answer = string.format('%.0f', slot)
-- Expires once the queue has been idle, and not before a repetition may come.
local kept_ms = math.ceil((busy_until - now) / 1000) + 15000
redis.call('SET', KEYS[1], string.format('%.0f', busy_until) .. ' ' .. ARGV[1] .. ' ' .. answer, 'PX', string.format('%.0f', kept_ms))
return { 'at', slot }
