-- Writes a run with everything of its shard. For open.lua and change.lua.
--
-- KEYS: run, timeline, due, alarms, sums, runs, ended, outcomes, dead, dead by time, subject, resolution; the last two
-- only for a run with a subject.
-- ARGV: 1 token, 2 id, 3 due or '', 4 the second of its alarm or '', 5 phase, 6 flags, 7 tally, 8 document, 9 end of
-- a run that needs nothing more or '', 10 opened, 11 event's time if the subject's resolution ends the run or '', 12 version to replace,
-- 13 'open' or 'closed', 14 event's time, 15 to 17 how many lines, outcomes and letters follow.
-- The first write is one that a full server refuses, so that nothing is half written.

-- The phase of a run that has not ended.
local ACTIVE = 'a'

local function write_effects()
  local at = 18
  local lines = {}
  for n = at, at + ARGV[15] - 1 do lines[#lines + 1] = ARGV[n] end
  at = at + ARGV[15]
  if tonumber(ARGV[16]) > 0 then
    local now = redis.call('TIME')
    -- Cursors rise within the shard even if the clock does not.
    local last = tonumber(redis.call('HGET', KEYS[5], 'o') or '0')
    local cursor = math.max(now[1] * 1000000 + now[2], last + 1)
    for n = at, at + ARGV[16] - 1 do
      local text = string.format('%.0f', cursor)
      redis.call('ZADD', KEYS[8], text, text .. ' ' .. ARGV[n])
      lines[#lines + 1] = 'o' .. text
      redis.call('HSET', KEYS[5], 'o', text)
      cursor = cursor + 1
    end
    at = at + ARGV[16]
  end
  for n = at, at + 4 * ARGV[17] - 1, 4 do
    if add_letter(KEYS[9], KEYS[10], KEYS[5], ARGV[n], ARGV[n + 1], ARGV[n + 2], ARGV[n + 3]) then
      lines[#lines + 1] = 'd' .. ARGV[n]
    end
  end
  if #lines > 0 then redis.call('RPUSH', KEYS[2], unpack(lines)) end
end

local function write(version, old)
  local id, due = ARGV[2], ARGV[3]
  local needs_alarm = ARGV[4] ~= '' and redis.call('ZADD', KEYS[4], 'NX', ARGV[4], ARGV[4]) == 1
  local alarm = needs_alarm and 'a' or '-'
  local calls = string.sub(ARGV[1] .. alarm .. (old and old.calls or ''), 1, CALL_BYTES * CALLS_MAX)
  local head = string.format('%.0f', version) .. ' ' .. calls .. ' ' .. ARGV[5] .. ARGV[6] .. ' ' .. ARGV[7]
  redis.call('SET', KEYS[1], head .. '\n' .. ARGV[8])
  if due ~= '' then redis.call('ZADD', KEYS[3], due, id) elseif old then redis.call('ZREM', KEYS[3], id) end
  if not old then redis.call('ZADD', KEYS[6], ARGV[10], id) end
  count(KEYS[5], old, { phase = ARGV[5], forgotten = string.sub(ARGV[6], 1, 1), tally = ARGV[7] })
  if ARGV[9] ~= '' then
    redis.call('ZADD', KEYS[7], ARGV[9], id)
  elseif old and old.phase ~= ACTIVE then
    redis.call('ZREM', KEYS[7], id)
  end
  if KEYS[11] then
    if ARGV[11] == '' then
      redis.call('ZREM', KEYS[11], id)
    elseif not old then
      redis.call('ZADD', KEYS[11], ARGV[11], id)
    end
  end
  write_effects()
  return alarm
end
