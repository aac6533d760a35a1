-- Writes a run with everything of its shard. For open.lua and change.lua, which write_each.lua calls.
--
-- KEYS and ARGV: by the names of write_arguments.rs; script.rs puts their positions in the place of the names.
-- The first write is one that a full server refuses, so that nothing is half written.

-- What the audit counts change by, over all changes of the call.
local counted = {}
-- The latest cursor of an outcome, over all changes of the call; nil before the first.
local cursor

-- The phase of a run that has not ended.
local ACTIVE = 'a'
-- The phase of a run that somebody took on, and that may still be resolved.
local ACKNOWLEDGED = 'k'

-- Cursors rise within a shard even if the clock does not. The latest of a call is kept with its counts; versions that made
-- each change alone kept it with those of the shard.
local function next_cursor()
  if cursor then
    cursor = cursor + 1
  else
    local now = redis.call('TIME')
    cursor = math.max(now[1] * 1000000 + now[2], tonumber(redis.call('HGET', KEYS[1], 'o') or '0') + 1)
  end
  if KEYS[counts] ~= KEYS[1] then
    cursor = math.max(cursor, tonumber(redis.call('HGET', KEYS[counts], 'o') or '0') + 1)
  end
  return string.format('%.0f', cursor)
end

-- Writes what is summed up over the call.
local function write_sums()
  write_counts(KEYS[1], counted)
  if cursor then redis.call('HSET', KEYS[1], 'o', string.format('%.0f', cursor)) end
end

local function write_effects()
  local at = arguments_at + ARGUMENT_COUNT + 1
  local lines = {}
  for n = at, at + ARGV[line_count] - 1 do lines[#lines + 1] = ARGV[n] end
  at = at + ARGV[line_count]
  for n = at, at + ARGV[outcome_count] - 1 do
    local text = next_cursor()
    redis.call('ZADD', KEYS[outcomes], text, text .. ' ' .. ARGV[n])
    lines[#lines + 1] = 'o' .. text
  end
  at = at + ARGV[outcome_count]
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
  at = at + ARGV[discarded_count]
  local sids_at = keys_at + KEY_COUNT + ARGV[optional_keys]
  for n = 1, ARGV[sid_count] do
    redis.call('HSETNX', KEYS[sids_at + n], ARGV[at], ARGV[at + 1])
    at = at + 2
  end
  if #lines > 0 then redis.call('RPUSH', KEYS[timeline], unpack(lines)) end
end

-- Keeps a run in the list of its subject that it belongs to, by the time of its event.
local function list_under_subject(id, old)
  local lists = { open = KEYS[subject], over = KEYS[subject_over] }
  local was_open = old and (old.phase == ACTIVE or old.phase == ACKNOWLEDGED)
  if was_open and ARGV[resolvable] == 'open' then return end
  local happened = ARGV[happened_us]
  if old then
    happened = redis.call('ZSCORE', lists.open, id) or redis.call('ZSCORE', lists.over, id)
    -- A run whose text fails after its end may be in neither; it was opened after its event.
    if not happened then happened = ARGV[opened_ms] .. '000' end
  end
  for name, list in pairs(lists) do
    if name == ARGV[resolvable] then
      redis.call('ZADD', list, happened, id)
    else
      redis.call('ZREM', list, id)
    end
  end
end

local function write(version, old)
  local id, due, phase, flags, tally = ARGV[id], ARGV[due_ms], ARGV[phase], ARGV[flags], ARGV[tally]
  local slot = ARGV[timer_slot]
  -- The caller must start a timer, unless one was asked for in this slot already.
  local needs_timer = slot ~= '' and redis.call('ZADD', KEYS[timers], 'NX', slot, slot) == 1
  local timer = needs_timer and 'a' or '-'
  local calls = string.sub(ARGV[token] .. timer .. (old and old.calls or ''), 1, CALL_BYTES * CALLS_MAX)
  local counts_as = phase .. flags .. ' ' .. tally
  local head = string.format('%.0f', version) .. ' ' .. calls .. ' ' .. counts_as
  redis.call('SET', KEYS[run], head .. '\n' .. ARGV[document])
  if due ~= '' then
    redis.call('ZADD', KEYS[due], due, id)
  elseif old then
    redis.call('ZREM', KEYS[due], id)
  end
  if not old then redis.call('ZADD', KEYS[runs], ARGV[opened_ms], id) end
  if old then count(counted, old.counts_as, -1) end
  count(counted, counts_as, 1)
  if string.sub(flags, 2, 2) == 'h' then
    redis.call('ZADD', KEYS[review], ARGV[opened_ms], id)
  elseif old and old.held == 'h' then
    redis.call('ZREM', KEYS[review], id)
  end
  if ARGV[ended_ms] ~= '' then
    redis.call('ZADD', KEYS[ended], ARGV[ended_ms], id)
    -- It may be among the others if its texts went, or a review kept them.
    if old and (ARGV[texts] == '' or old.held == 'h') then redis.call('ZREM', KEYS[ended_other], id) end
  elseif old and old.phase ~= ACTIVE then
    redis.call('ZREM', KEYS[ended], id)
  end
  if ARGV[optional_keys] ~= '0' then list_under_subject(id, old) end
  write_effects()
  return timer
end
