-- Writes a run with everything of its shard. For open.lua and change.lua.
--
-- KEYS and ARGV: by the names of write_arguments.rs; script.rs puts their positions in the place of the names.
-- The first write is one that a full server refuses, so that nothing is half written.

-- The phase of a run that has not ended.
local ACTIVE = 'a'

local function write_effects()
  local at = ARGUMENT_COUNT + 1
  local lines = {}
  for n = at, at + ARGV[line_count] - 1 do lines[#lines + 1] = ARGV[n] end
  at = at + ARGV[line_count]
  if tonumber(ARGV[outcome_count]) > 0 then
    local now = redis.call('TIME')
    -- Cursors rise within the shard even if the clock does not.
    local last = tonumber(redis.call('HGET', KEYS[counts], 'o') or '0')
    local cursor = math.max(now[1] * 1000000 + now[2], last + 1)
    for n = at, at + ARGV[outcome_count] - 1 do
      local text = string.format('%.0f', cursor)
      redis.call('ZADD', KEYS[outcomes], text, text .. ' ' .. ARGV[n])
      lines[#lines + 1] = 'o' .. text
      redis.call('HSET', KEYS[counts], 'o', text)
      cursor = cursor + 1
    end
    at = at + ARGV[outcome_count]
  end
  for n = at, at + 4 * ARGV[effect_count] - 1, 4 do
    add_effect(KEYS[effects], KEYS[effects_due], KEYS[counts], ARGV[n], ARGV[n + 1], ARGV[n + 2], ARGV[n + 3])
  end
  at = at + 4 * ARGV[effect_count]
  for n = at, at + 4 * ARGV[letter_count] - 1, 4 do
    local id, at_us, reason, document = ARGV[n], ARGV[n + 1], ARGV[n + 2], ARGV[n + 3]
    if add_letter(KEYS[letters], KEYS[letters_at], KEYS[counts], id, at_us, reason, document) then
      lines[#lines + 1] = 'd' .. id
    end
  end
  at = at + 4 * ARGV[letter_count]
  for n = at, at + ARGV[discarded_count] - 1 do
    remove_letter(KEYS[letters], KEYS[letters_at], KEYS[counts], ARGV[n])
  end
  if #lines > 0 then redis.call('RPUSH', KEYS[timeline], unpack(lines)) end
end

local function write(version, old)
  local id, due, phase, flags, tally = ARGV[id], ARGV[due_ms], ARGV[phase], ARGV[flags], ARGV[tally]
  local second = ARGV[timer_second]
  -- The caller must start a timer, unless one was asked for in this second already.
  local needs_timer = second ~= '' and redis.call('ZADD', KEYS[timers], 'NX', second, second) == 1
  local timer = needs_timer and 'a' or '-'
  local calls = string.sub(ARGV[token] .. timer .. (old and old.calls or ''), 1, CALL_BYTES * CALLS_MAX)
  local head = string.format('%.0f', version) .. ' ' .. calls .. ' ' .. phase .. flags .. ' ' .. tally
  redis.call('SET', KEYS[run], head .. '\n' .. ARGV[document])
  if due ~= '' then
    redis.call('ZADD', KEYS[due], due, id)
  elseif old then
    redis.call('ZREM', KEYS[due], id)
  end
  if not old then redis.call('ZADD', KEYS[runs], ARGV[opened_ms], id) end
  count(KEYS[counts], old, { phase = phase, forgotten = string.sub(flags, 1, 1), tally = tally })
  if string.sub(flags, 2, 2) == 'h' then
    redis.call('ZADD', KEYS[review], ARGV[opened_ms], id)
  elseif old and old.held == 'h' then
    redis.call('ZREM', KEYS[review], id)
  end
  if ARGV[ended_ms] ~= '' then
    redis.call('ZADD', KEYS[ended], ARGV[ended_ms], id)
  elseif old and old.phase ~= ACTIVE then
    redis.call('ZREM', KEYS[ended], id)
  end
  if KEYS[subject] then
    if ARGV[resolvable_us] == '' then
      redis.call('ZREM', KEYS[subject], id)
    elseif not old then
      redis.call('ZADD', KEYS[subject], ARGV[resolvable_us], id)
    end
  end
  write_effects()
  return timer
end
