-- One page of a shard's runs, latest opened first. Reads a bounded number of runs, however many match.
-- KEYS: runs, what keys of its runs begin with. ARGV: 1 latest opening, 2 offset, 3 most to return, 4 most to read,
-- 5 phase or '', 6 'h' for runs with a message that needs review alone, 'u' for unfinished ones alone.
local offset, found = tonumber(ARGV[2]), {}
local function wanted(run)
  return (ARGV[5] == '' or run.phase == ARGV[5])
    and (ARGV[6] == '' or run.held == 'h' or (ARGV[6] == 'u' and run.held == 'u'))
end
local ids = redis.call('ZREVRANGEBYSCORE', KEYS[1], ARGV[1], '-inf', 'LIMIT', offset, ARGV[4])
for n, id in ipairs(ids) do
  offset = offset + 1
  local run = header(KEYS[2] .. id)
  if run and wanted(run) then
    found[#found + 1] = id
    found[#found + 1] = redis.call('GET', KEYS[2] .. id)
    if #found >= 2 * ARGV[3] then return { offset, found } end
  end
end
if #ids < tonumber(ARGV[4]) then offset = -1 end
return { offset, found }
