-- What several scripts share. A stored run is one string: a header line, then the packed document.
-- Header: "<version> <calls> <phase><forgotten><held or unfinished> <tally>", for example "2 k2v9x0a7-dq0v8x1za a-u s1".
-- Calls are those that wrote the latest versions, the latest first: eight letters of a token, then "a" if the answer
-- asked the caller to start a timer, else "-".

local CALL_BYTES, CALLS_MAX = 9, 8

-- Behind which positions the keys and arguments begin that names stand for: those of one change, where a call makes many.
local keys_at, arguments_at = 0, 0

local function header(key)
  local text = redis.call('GETRANGE', key, 0, 255)
  if text == '' then return nil end
  local version, calls, phase, forgotten, held, tally =
    string.match(text, '^(%d+) ([%w-]+) (%a)([f-])([hu-]) (%w*)\n')
  if not version then error('UNREADABLE header of ' .. key) end
  return { version = tonumber(version), calls = calls, phase = phase, forgotten = forgotten, held = held, tally = tally }
end

-- What the call that wrote this version was answered about a timer, if it is this call: others may have written since.
local function answered(run, version, token)
  local at = (run.version - version) * CALL_BYTES
  if at < 0 or string.sub(run.calls, at + 1, at + CALL_BYTES - 1) ~= token then return nil end
  return string.sub(run.calls, at + CALL_BYTES, at + CALL_BYTES)
end

-- Adds a run to changes of the audit counts, or with -1 takes it from them. Commands cost more than anything else here,
-- so a call sums its changes up and then writes those that are left.
local function count(changes, run, sign)
  local name = 'r' .. run.phase
  changes[name] = (changes[name] or 0) + sign
  for letter, messages in string.gmatch(run.tally, '(%a)(%d+)') do
    name = 'm' .. letter
    changes[name] = (changes[name] or 0) + sign * messages
  end
  if run.forgotten == 'f' then changes.f = (changes.f or 0) + sign end
end

local function write_counts(key, changes)
  for name, number in pairs(changes) do
    if number ~= 0 then redis.call('HINCRBY', key, name, number) end
  end
end

local function add_letter(dead, dead_at, counts, id, at, reason, doc)
  if redis.call('HSETNX', dead, id, doc) == 0 then return false end
  redis.call('ZADD', dead_at, at, id)
  redis.call('HINCRBY', counts, 'd' .. reason, 1)
  return true
end

local function remove_letter(dead, dead_at, counts, id)
  local doc = redis.call('HGET', dead, id)
  if not doc then return false end
  redis.call('HINCRBY', counts, 'd' .. cjson.decode(doc).reason, -1)
  redis.call('HDEL', dead, id)
  redis.call('ZREM', dead_at, id)
  return true
end
