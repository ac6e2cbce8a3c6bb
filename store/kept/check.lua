-- Tries all that the other scripts do, on keys that are nobody's, and leaves nothing.
--
-- KEYS  1 stream  2 record of an idempotency key
-- ARGV  1 name to publish under  2 name to publish under at this slot alone
-- Returns the policy of eviction, the most memory, and what was refused for a reason
-- that stays.
local refused = {}
local function try(...)
  local ok, answer = pcall(redis.pcall, ...)
  local why = not ok and answer or type(answer) == 'table' and answer.err
  if type(why) == 'table' then why = why.err end
  if not why then return answer end
  why = tostring(why)
  for _, sign in ipairs({ "can't", 'NOPERM', 'permission', 'nknown', 'not allowed from' }) do
    if string.find(why, sign, 1, true) then
      refused[#refused + 1] = (...) .. ' (' .. why .. ')'
      return
    end
  end
end

local replication = try('INFO', 'replication')
if replication and not string.find(replication, 'master_replid:%x+') then
  refused[#refused + 1] = 'INFO replication (it names no replication id)'
end
local memory = try('INFO', 'memory') or ''
try('TIME')
try('XINFO', 'STREAM', KEYS[1])
try('XADD', KEYS[1], 'MAXLEN', '1', '1-1', 'time', '1')
try('PEXPIRE', KEYS[1], '1000')
try('XRANGE', KEYS[1], '-', '+', 'COUNT', '1')
try('XTRIM', KEYS[1], 'MINID', '1-1')
try('SET', KEYS[2], '', 'PX', '1000')
try('GET', KEYS[2])
try('DEL', KEYS[1], KEYS[2])
if ARGV[1] ~= '' then try('PUBLISH', ARGV[1], '') end
if ARGV[2] ~= '' then try('SPUBLISH', ARGV[2], '') end
wire(1, epoch('', '1'), 1, '')
return { string.match(memory, 'maxmemory_policy:([%w-]+)') or '', string.match(memory, 'maxmemory:(%d+)') or '0', table.concat(refused, ', ') }
