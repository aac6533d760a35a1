-- What waits in one shard. KEYS: accepted, due, letters by time, runs that need review, what the keys of the due rows of
-- each destination begin with. ARGV: 1 now in ms, 2 most events to look at, 3 how long an event may take before it is
-- published again, 4 how often that doubles, then the destinations.
-- Returns for events, due runs, letters and runs to review a count and the earliest time, or ''; then a count for each
-- destination.
local function earliest(key, most)
  return redis.call('ZRANGEBYSCORE', key, '-inf', most, 'WITHSCORES', 'LIMIT', 0, 1)[2] or ''
end

-- An event's document begins with when it is published again, and how often it was: it was accepted so long before.
local since = ''
local rows = redis.call('HSCAN', KEYS[1], 0, 'COUNT', ARGV[2])[2]
for n = 2, #rows, 2 do
  local again, times = string.match(rows[n], '^(%d+) (%d+) ')
  if again then
    local waits = ARGV[3] * (2 ^ (math.min(tonumber(times), tonumber(ARGV[4])) + 1) - 1)
    local accepted = tonumber(again) - waits
    if since == '' or accepted < since then since = accepted end
  end
end
-- Letters are in order of microseconds.
local letter = earliest(KEYS[3], '+inf')
if letter ~= '' then letter = string.format('%.0f', math.floor(letter / 1000)) end
local found = {
  redis.call('HLEN', KEYS[1]), since == '' and '' or string.format('%.0f', since),
  redis.call('ZCOUNT', KEYS[2], '-inf', ARGV[1]), earliest(KEYS[2], ARGV[1]),
  redis.call('ZCARD', KEYS[3]), letter,
  redis.call('ZCARD', KEYS[4]), earliest(KEYS[4], '+inf'),
}
for n = 5, #ARGV do found[#found + 1] = redis.call('ZCARD', due_key(KEYS[5], ARGV[n])) end
return found
