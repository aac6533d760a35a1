-- Adds a dead letter unless its id is known.
-- KEYS: dead, dead by time, counts. ARGV: 1 id, 2 time, 3 reason, 4 document.
add_letter(KEYS[1], KEYS[2], KEYS[3], ARGV[1], ARGV[2], ARGV[3], ARGV[4])
return 1
