-- Takes away what is too old of a channel to which nobody may ever append again.
-- Its seqs go on where they were.
--
-- KEYS  stream
-- ARGV  1 milliseconds to keep events
local id, wrong = server()
if not id then return wrong end
local s = state(KEYS[1])
local oldest = clock() - tonumber(ARGV[1])
if not s or s.floor == s.head or s.first >= oldest then return {} end
if s.last < oldest then
  redis.call('XTRIM', KEYS[1], 'MAXLEN', 0)
else
  age(KEYS[1], s, s.floor + 1, s.head, oldest)
end
return {}
