-- Takes away what is too old of a channel to which nobody may ever append again.
-- Its seqs go on where they were.
--
-- KEYS  stream
-- ARGV  1 milliseconds to keep events
local id, wrong = server()
if not id then return wrong end
local s, broken = state(KEYS[1])
if broken then return broken end
if s then age(KEYS[1], s, clock() - tonumber(ARGV[1])) end
return {}
