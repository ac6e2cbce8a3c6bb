-- Tells of a user's streams at one member, asks for places for more, and settles what
-- is too many.
-- KEYS[1]  hash of this user: member -> open streams
-- ARGV     this member, its streams, how many places it wants, most, milliseconds to
--          keep the hash, 1 to settle, 1 if members that are not named below are
--          surely gone, live members
-- Returns how many of the places it gets; or, if it settles, minus the streams to end:
-- this member counts without them from now on, so that no two members end streams for
-- one another's sake; or nothing, if that depends on members not named.
local own, open, wanted, most, keep = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4]), ARGV[5]
local settle, sure = ARGV[6] == '1', ARGV[7] == '1'
local live = {}
for i = 8, #ARGV do live[ARGV[i]] = true end
local others, doubtful = 0, 0
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
    doubtful = doubtful + count
  end
end
local room = most - open - others
if doubtful > 0 and room - doubtful < wanted and (settle or room > 0) then return false end
room = room - doubtful
local answer = 0
if room > 0 then
  answer = math.min(wanted, room)
elseif settle then
  answer = -math.min(open, -room)
end
if open + answer > 0 then
  redis.call('HSET', KEYS[1], own, open + answer)
  redis.call('PEXPIRE', KEYS[1], keep)
else
  redis.call('HDEL', KEYS[1], own)
end
return answer
