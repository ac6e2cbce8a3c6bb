-- Reads the states of channels, all of one moment.
--
-- KEYS  streams
-- Returns epoch, head and floor of each, one after the other. Of a channel that is
-- not there the epoch is empty, and so it is where a key is of another kind: nobody
-- can append to that, and it must not hide the others.
local id, wrong = server()
if not id then return wrong end
local heads = {}
for i, key in ipairs(KEYS) do
  local s, broken = state(key)
  if broken and not string.find(broken.err, 'WRONGTYPE', 1, true) then return broken end
  local of = ''
  if s then of = epoch(id, s.life) else s = { head = 0, floor = 0 } end
  heads[3 * i - 2], heads[3 * i - 1], heads[3 * i] = of, decimal(s.head), decimal(s.floor)
end
return heads
