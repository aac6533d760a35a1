-- Replaces a run that is at a version. A repetition of the same call gets the first answer. Any other caller that asks
-- for a change at the same version is too late, even if its change is equal.
local function change()
  local old = header(KEYS[run])
  if not old then return 'conflict', '' end
  local version = tonumber(ARGV[version])
  if old.version == version then return 'stored', write(version + 1, old) end
  local timer = answered(old, version + 1, ARGV[token])
  if timer then return 'stored', timer end
  return 'conflict', ''
end
