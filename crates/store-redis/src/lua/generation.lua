-- Compares the server's history with the one that was written to last. A different one, or a generation that is lower
-- than the caller remembers, means that writes may be lost: the generation rises. So does one that began after the
-- caller's: the server was emptied, and another process was the first to write.
-- KEYS: generation. ARGV: 1 identity of the history, 2 generation that the caller remembers, 3 the time in milliseconds.
local known = redis.call('HMGET', KEYS[1], 'history', 'generation', 'since')
local generation = tonumber(known[2] or '0')
local remembered = tonumber(ARGV[2])
local began_anew = remembered > 0 and generation > remembered and known[3] == '0'
if known[1] ~= ARGV[1] or generation < remembered or began_anew then
  local is_first = not known[1] and remembered == 0
  -- The first begins with the time, so that no two beginnings are alike.
  generation = math.max(generation, remembered, is_first and tonumber(ARGV[3]) or 0) + 1
  known[3] = is_first and '0' or ARGV[3]
  redis.call('HSET', KEYS[1], 'history', ARGV[1], 'generation', generation, 'since', known[3])
end
return { generation, tonumber(known[3]) }
