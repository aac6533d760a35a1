-- What scripts of effects share. An effect is stored as "<epoch> <document>". Its due row is in a set of its destination,
-- whose key begins with KEYS[due] and has the same slot.
local function due_key(prefix, destination) return prefix .. ':' .. destination end

local function add_effect(effects, due_prefix, counts, id, destination, due, document)
  if redis.call('HSETNX', effects, id, '0 ' .. document) == 0 then return end
  redis.call('ZADD', due_key(due_prefix, destination), due, id)
  redis.call('HINCRBY', counts, 'fd', 1)
end

-- The document of an effect, if it is at this epoch.
local function at_epoch(effects, id, epoch)
  local stored = redis.call('HGET', effects, id)
  if not stored then return nil end
  local found, document = string.match(stored, '^(%d+) (.*)$')
  if found ~= epoch then return nil end
  return document
end
