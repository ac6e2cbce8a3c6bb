-- What the other scripts begin with. A channel is one stream, so that Redis keeps
-- all of it or nothing: whatever is evicted, flushed or expires takes the counter
-- along with the events.
--
-- The ids of its entries are <life>-<seq>. life is a number that was drawn at
-- random when the key was made, so that two keys of one name never share it,
-- whatever the clocks say; the stream's last id outlives trimming, and is the
-- counter. An entry's fields are, always in this order: time (milliseconds),
-- type, data, expires (milliseconds, 0 for never).

local FIELDS = { time = 2, data = 6 } -- where the values stand in an entry

-- The stream under key, or nil if there is none. If it can't be told, it returns nil
-- and the error.
local function state(key)
  local info = redis.pcall('XINFO', 'STREAM', key)
  if info.err then
    if string.find(info.err, 'no such key', 1, true) then return nil end
    return nil, info
  end
  local s = {}
  for i = 1, #info, 2 do s[info[i]] = info[i + 1] end
  local life, head = string.match(s['last-generated-id'], '^(%d+)-(%d+)$')
  head = tonumber(head)
  local floor, first, last = head, 0, 0
  if s['first-entry'] then
    floor = tonumber(string.match(s['first-entry'][1], '-(%d+)$')) - 1
    first = tonumber(s['first-entry'][2][FIELDS.time])
    last = tonumber(s['last-entry'][2][FIELDS.time])
  end
  -- first and last are the times of the oldest event and the newest, 0 if there is none
  return { life = life, head = head, floor = floor, first = first, last = last }
end

-- The life of this server as a master. Redis draws its replication id anew when it
-- starts, also from a file, and when it is promoted: either may have cost
-- acknowledged events, whose seqs then go to others.
local function server()
  local info = redis.call('INFO', 'replication')
  -- A replica has the id of its master and would pass for it, only behind.
  if not string.find(info, 'role:master', 1, true) then
    return nil, redis.error_reply('READONLY this server is not the master')
  end
  local id = string.match(info, 'master_replid:(%x+)')
  if not id then return nil, redis.error_reply('ERR this server names no replication id') end
  return id
end

-- The epoch of a channel: the life of the server, and that of its key.
local function epoch(id, life) return string.sub(redis.sha1hex(id .. '-' .. life), 1, 12) end

-- A whole number in decimal; tostring would write large ones with an exponent.
local function decimal(n) return string.format('%.0f', n) end

-- A message of the bus, as fanout/wire.go has it.
local function wire(version, of, seq, frame)
  return string.char(version, #of) .. of .. struct.pack('>I8', seq) .. frame
end

-- Publishes under one name or both, whichever are not empty. Returns how many received
-- it, or -1: who listens by the other name is not counted, so that then 0 says nothing.
local function announce(classic, sharded, message)
  local receivers = -1
  if classic ~= '' then receivers = redis.pcall('PUBLISH', classic, message) end
  if sharded ~= '' then
    local there = redis.pcall('SPUBLISH', sharded, message)
    if classic == '' or there ~= 0 then receivers = there else receivers = -1 end
  end
  if type(receivers) ~= 'number' then return -1 end
  return receivers
end

-- The time by this server's clock, in milliseconds.
local function clock()
  local t = redis.call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
end

-- Trims the events that are older than oldest among those that a stream had when its
-- state was s. Mostly there are none, which the time of the first tells, or few, so
-- the search for the last of them begins there.
local function age(stream, s, oldest)
  if s.floor == s.head or s.first >= oldest then return end
  local function old(n)
    local found = redis.call('XRANGE', stream, s.life .. '-' .. decimal(n), '+', 'COUNT', 1)
    return #found == 1 and tonumber(found[1][2][FIELDS.time]) < oldest -- the newest may have been deleted by hand
  end
  local low, high, step = s.floor + 1, s.head, 1 -- low is old, high is not
  if s.last < oldest then
    low, high = s.head, s.head + 1
  else
    while low + step < high and old(low + step) do
      low, step = low + step, step * 2
    end
    high = math.min(high, low + step)
  end
  while high - low > 1 do
    local middle = math.floor((low + high) / 2)
    if old(middle) then low = middle else high = middle end
  end
  redis.call('XTRIM', stream, 'MINID', s.life .. '-' .. decimal(high))
end
