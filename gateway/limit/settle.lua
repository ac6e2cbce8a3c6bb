-- Tells how many streams of a user a member has to end, which let some in unasked.
-- KEYS[1]  hash of this user: member -> open streams
-- ARGV     this member, its streams, most, milliseconds to keep the hash,
--          1 if members that are not named below are surely gone, live members
-- Returns 2 if members not named matter, else minus the streams to end: this member
-- counts without them from now on, so that no two members end streams for one
-- another's sake.
local own, open, most, keep, sure = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4], ARGV[5] == '1'
local live = {}
for i = 6, #ARGV do live[ARGV[i]] = true end
local others = 0
local all = redis.call('HGETALL', KEYS[1])
for i = 1, #all, 2 do
  local member, count = all[i], tonumber(all[i + 1])
  if member == own then
    -- open says it better
  elseif live[member] then
    others = others + count
  elseif sure then
    redis.call('HDEL', KEYS[1], member)
  else
    return 2
  end
end
local over = math.max(0, math.min(open, others + open - most))
if open > over then
  redis.call('HSET', KEYS[1], own, open - over)
  redis.call('PEXPIRE', KEYS[1], keep)
else
  redis.call('HDEL', KEYS[1], own)
end
return -over
