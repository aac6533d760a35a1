-- Makes changes of runs, one after the other, each as if it came alone. For each returns what became of it, and a detail.
-- KEYS: the audit counts, then those of each change. ARGV: those of each change.
local answers = {}
keys_at = 1
while arguments_at < #ARGV do
  local is_done, what, detail = pcall(ARGV[happened_us] == '-' and change or open)
  if not is_done then
    local text = type(what) == 'table' and what.err or what
    -- What is stored of this run is damaged. Anything else is wrong with the server, and nothing more can be written.
    if not string.find(text, 'UNREADABLE') and not string.find(text, 'WRONGTYPE') then
      write_sums()
      return redis.error_reply(text)
    end
    what, detail = 'damaged', text
  end
  answers[#answers + 1] = what
  answers[#answers + 1] = detail
  keys_at = keys_at + KEY_COUNT + ARGV[optional_keys] + ARGV[more_keys]
  arguments_at = arguments_at + ARGUMENT_COUNT + ARGV[following]
end
write_sums()
return answers
