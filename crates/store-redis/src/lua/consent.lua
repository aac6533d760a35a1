-- Appends to a number's consent log unless the entry is known. KEYS: log. ARGV: 1 what names the entry, 2 document.
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then
  redis.call('HSET', KEYS[1], ARGV[1], redis.call('HLEN', KEYS[1]) .. ' ' .. ARGV[2])
end
return 1
