-- Opens a run unless it is known, its subject was resolved, or another event said something else under its event's key. A repetition of the same call gets the first answer.
local function open()
  if ARGV[content] ~= '' then
    local said = KEYS[keys_at + KEY_COUNT + ARGV[optional_keys] + ARGV[more_keys]]
    local is_first = redis.call('SET', said, ARGV[content], 'NX', 'EX', ARGV[content_kept_s])
    if not is_first and redis.call('GET', said) ~= ARGV[content] then return 'other', '' end
  end
  local old = header(KEYS[run])
  if old then
    local timer = answered(old, 1, ARGV[token])
    if timer then return 'new', timer end
    return 'known', ''
  end
  if ARGV[state] == 'open' and ARGV[optional_keys] == '3' then
    local resolution = redis.call('GET', KEYS[resolution])
    if resolution then
      local at, document = string.match(resolution, '^(%-?%d+) (.*)$')
      if not at then error('UNREADABLE resolution ' .. KEYS[resolution]) end
      if tonumber(at) > tonumber(ARGV[happened_us]) then return 'resolved', document end
    end
  end
  return 'new', write(1, nil)
end
