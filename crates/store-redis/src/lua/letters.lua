-- One page of a shard's dead letters, oldest first. Reads a bounded number of letters, however many match.
-- KEYS: dead by time, dead. ARGV: 1 since, 2 until, 3 offset, 4 most to return, 5 most to read, 6 reason or '',
-- 7 workflow or '', 8 source or ''.
local offset, found = tonumber(ARGV[3]), {}
local ids = redis.call('ZRANGEBYSCORE', KEYS[1], ARGV[1], ARGV[2], 'LIMIT', offset, ARGV[5])
for n, id in ipairs(ids) do
  offset = offset + 1
  local doc = redis.call('HGET', KEYS[2], id)
  local letter = doc and cjson.decode(doc)
  if letter and (ARGV[6] == '' or letter.reason == ARGV[6]) and (ARGV[7] == '' or letter.workflow == ARGV[7])
    and (ARGV[8] == '' or letter.source == ARGV[8]) then
    found[#found + 1] = id
    found[#found + 1] = doc
    if #found >= 2 * ARGV[4] then return { offset, found } end
  end
end
if #ids < tonumber(ARGV[5]) then offset = -1 end
return { offset, found }
