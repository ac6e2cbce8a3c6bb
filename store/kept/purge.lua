-- Takes all events of a channel away, and has the gateways forget them. Its seqs
-- go on where they were.
--
-- KEYS  stream
-- ARGV  1 name to publish under  2 version of the message  3 name to publish under at this slot alone
local id, wrong = server()
if not id then return wrong end
local s, broken = state(KEYS[1])
if broken then return broken end
if not s then return {} end
redis.call('XTRIM', KEYS[1], 'MAXLEN', 0)
announce(ARGV[1], ARGV[3], wire(tonumber(ARGV[2]), epoch(id, s.life), s.head, ''))
return {}
