-- Opens a run unless it is known or its subject was resolved. A repetition of the same call gets the first answer.
local old = header(KEYS[run])
if old then
  local timer = answered(old, 1, ARGV[token])
  if timer then return { 'new', timer } end
  return { 'known', '' }
end
if ARGV[state] == 'open' and KEYS[resolution] then
  local resolution = redis.call('GET', KEYS[resolution])
  if resolution then
    local at, document = string.match(resolution, '^(%-?%d+) (.*)$')
    if not at then error('UNREADABLE resolution ' .. KEYS[resolution]) end
    if tonumber(at) > tonumber(ARGV[happened_us]) then return { 'resolved', document } end
  end
end
return { 'new', write(1, nil) }
