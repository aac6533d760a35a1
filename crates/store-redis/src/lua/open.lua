-- Opens a run unless it is known or its subject was resolved. A repetition of the same call is told what it was told.
local old = header(KEYS[1])
if old then
  local alarm = told(old, 1, ARGV[1])
  if alarm then return { 'new', alarm } end
  return { 'known', '' }
end
if ARGV[13] == 'open' and KEYS[12] then
  local resolution = redis.call('GET', KEYS[12])
  if resolution then
    local at, doc = string.match(resolution, '^(%-?%d+) (.*)$')
    if not at then error('UNREADABLE resolution ' .. KEYS[12]) end
    if tonumber(at) >= tonumber(ARGV[14]) then return { 'resolved', doc } end
  end
end
return { 'new', write(1, nil) }
