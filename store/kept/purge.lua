-- Takes all events of a channel away, and has the gateways forget them. Its seqs
-- go on where they were.
--
-- KEYS  stream
-- ARGV  1 name to publish under  2 version of the message
local s = state(KEYS[1])
local of, wrong = epoch(s and s.life or '')
if not of then return wrong end
if not s then return {} end
redis.call('XTRIM', KEYS[1], 'MAXLEN', 0)
redis.pcall('PUBLISH', ARGV[1], wire(tonumber(ARGV[2]), of, s.head, ''))
return {}
