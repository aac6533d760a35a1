-- Adds an effect unless it waits already. KEYS: effects, due rows, counts. ARGV: 1 id, 2 destination, 3 due, 4 document.
add_effect(KEYS[1], KEYS[2], KEYS[3], ARGV[1], ARGV[2], ARGV[3], ARGV[4])
return 1
