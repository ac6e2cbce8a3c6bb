-- Renews a member's lease and lists who is alive.
-- KEYS[1]  hash of all members: member -> when its lease ends, by Redis' clock;
--          "since" -> when the hash was made
-- ARGV     this member, milliseconds of the lease, milliseconds in which every
--          live member renews its own
-- Returns whether this member was known, whether all live members are, then
-- the live members.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local lease = now + ARGV[2]
local known = redis.call('HSET', KEYS[1], ARGV[1], lease) == 0
redis.call('HSETNX', KEYS[1], 'since', now)
local since = tonumber(redis.call('HGET', KEYS[1], 'since'))
if since > now then -- the clock was set back
  redis.call('HSET', KEYS[1], 'since', now)
  since = now
end
local complete = now - since > tonumber(ARGV[3])
local live = { known and '1' or '0', complete and '1' or '0' }
local all = redis.call('HGETALL', KEYS[1])
for i = 1, #all, 2 do
  if all[i] == 'since' then
    -- no member
  elseif tonumber(all[i + 1]) > now then
    if tonumber(all[i + 1]) > lease then -- likewise: whoever is alive renews it
      redis.call('HSET', KEYS[1], all[i], lease)
    end
    live[#live + 1] = all[i]
  else
    redis.call('HDEL', KEYS[1], all[i])
  end
end
redis.call('PEXPIRE', KEYS[1], ARGV[2] * 2)
return live
