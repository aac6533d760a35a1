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
  local version, calls, counts_as = string.match(text, '^(%d+) ([%w-]+) (%a[f-][hu-] %w*)\n')
  if not version then error('UNREADABLE header of ' .. key) end
  return {
    version = tonumber(version), calls = calls, counts_as = counts_as,
    phase = string.sub(counts_as, 1, 1), held = string.sub(counts_as, 3, 3),
  }
end

-- What the call that wrote this version was answered about a timer, if it is this call: others may have written since.
local function answered(run, version, token)
  local at = (run.version - version) * CALL_BYTES
  if at < 0 or string.sub(run.calls, at + 1, at + CALL_BYTES - 1) ~= token then return nil end
  return string.sub(run.calls, at + CALL_BYTES, at + CALL_BYTES)
end

-- Adds a run to changes of the audit counts, or with -1 takes it from them, by the end of its header. Commands cost more
-- than anything else here, so a call sums its changes up and then writes those that are left.
local function count(changes, counts_as, sign)
  changes[counts_as] = (changes[counts_as] or 0) + sign
end

local function write_counts(key, changes)
  local sums = {}
  local function add(name, number) sums[name] = (sums[name] or 0) + number end
  for counts_as, number in pairs(changes) do
    if number ~= 0 then
      add('r' .. string.sub(counts_as, 1, 1), number)
      if string.sub(counts_as, 2, 2) == 'f' then add('f', number) end
      for letter, messages in string.gmatch(string.sub(counts_as, 5), '(%a)(%d+)') do
        add('m' .. letter, number * messages)
      end
    end
  end
  for name, number in pairs(sums) do
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
