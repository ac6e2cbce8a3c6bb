-- Takes a place for a user, if there is one.
-- KEYS[1]  hash of this user: member -> open streams
-- ARGV     this member, its streams before, most, milliseconds to keep the hash,
--          1 if members that are not named below are surely gone, live members
-- Returns 1 taken, 0 refused, 2 refused only because of members not named.
local own, before, most, keep, sure = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4], ARGV[5] == '1'
local live = {}
for i = 6, #ARGV do live[ARGV[i]] = true end
local total, doubtful = before, 0
local all = redis.call('HGETALL', KEYS[1])
for i = 1, #all, 2 do
  local member, count = all[i], tonumber(all[i + 1])
  if member == own then
    -- before says it better
  elseif live[member] then
    total = total + count
  elseif sure then
    redis.call('HDEL', KEYS[1], member)
  else
    doubtful = doubtful + count
  end
end
if total + doubtful < most then
  redis.call('HSET', KEYS[1], own, before + 1)
  redis.call('PEXPIRE', KEYS[1], keep)
  return 1
end
if total < most then return 2 end
return 0
