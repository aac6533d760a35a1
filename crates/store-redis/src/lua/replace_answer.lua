-- Keeps an answer in the place of one that there may be. KEYS: answer. ARGV: 1 until, 2 document.
redis.call('HSET', KEYS[1], 'until', ARGV[1], 'doc', ARGV[2])
redis.call('PEXPIREAT', KEYS[1], ARGV[1])
return 1
