-- Reads what follows a position in a channel, and the channel's state of that moment.
--
-- KEYS  stream
-- ARGV  1 position  2 most events  3 most bytes of their data, but for the first
-- Returns epoch, head, floor, the time by this server's clock, the entries, and whether bytes cut them short;
-- or nothing, if there is no such channel.
local id, wrong = server()
if not id then return wrong end
local s, broken = state(KEYS[1])
if broken then return broken end
if not s then return {} end
local limit, bytes = tonumber(ARGV[2]), tonumber(ARGV[3])
local entries, size, from = {}, 0, math.max(tonumber(ARGV[1]), s.floor) + 1
local chunk = 8 -- at once, so that the bound on bytes bounds the memory too
local full = false -- more was there than bytes allowed
while not full and #entries < limit and from <= s.head do
  local found = redis.call('XRANGE', KEYS[1], s.life .. '-' .. decimal(from), '+', 'COUNT', math.min(chunk, limit - #entries))
  if #found == 0 then break end
  for _, entry in ipairs(found) do
    size = size + #entry[2][FIELDS.data]
    if #entries > 0 and size > bytes then full = true break end
    entries[#entries + 1] = entry
  end
  from = tonumber(string.match(found[#found][1], '-(%d+)$')) + 1
end
return { epoch(id, s.life), decimal(s.head), decimal(s.floor), decimal(clock()), entries, full and 1 or 0 }
