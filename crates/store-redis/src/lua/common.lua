-- What several scripts share. A stored run is one string: a header line, then the packed document.
-- Header: "<version> <calls> <phase><forgotten><held or unfinished> <tally>", for example "2 k2v9x0a7-dq0v8x1za a-u s1".
-- Calls are those that wrote the latest versions, the latest first: eight letters of a token, then "a" if the answer
-- asked the caller to start a timer, else "-".

local CALL_BYTES, CALLS_MAX = 9, 8

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

-- Subtracts a run as it was from the audit counts of its shard and adds it as it is; either may be nil. Commands cost
-- more than anything else here, so only counts that change are written.
local function count(key, former, present)
  local counts = {}
  local function add(run, sign)
    local function by(name, number) counts[name] = (counts[name] or 0) + sign * number end
    by('r' .. run.phase, 1)
    for letter, messages in string.gmatch(run.tally, '(%a)(%d+)') do by('m' .. letter, tonumber(messages)) end
    if run.forgotten == 'f' then by('f', 1) end
  end
  if former then add(former, -1) end
  if present then add(present, 1) end
  for name, number in pairs(counts) do
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
