-- Appends events to a channel, trims it, publishes them: each event, or with an error
-- nothing of it. Once an event is written nothing of it fails any more, be it for a right
-- that the account lacks. Nor is anything written before: Redis refuses for want of memory,
-- or of replicas, only the first write of a script.
--
-- One call carries all of a channel that goes out at once. Calls of one pipeline may be
-- carried out in another order: the first of them may find that the server does not know
-- this script, and the next that another client has just taught it.
--
-- KEYS  1 stream, then the records of idempotency keys
-- ARGV  1 a life for the stream if it has to be made  2 most events to keep
--       3 milliseconds to keep them  (0: any)         4 milliseconds for the stream to outlive its newest event
--       5 name to publish under  6 version of the message  7 most bytes of a frame
--       8 milliseconds to remember a key              9 name to publish under at this slot alone
--       then of each event: 1 which of KEYS its record is, 0 for none  2 hash of the request
--       3-6 frame: before seq, before time, before data, after data
--       7 type  8 data  9 milliseconds when it expires, 0 for never
-- Returns a list for each event: epoch, seq, time, receivers (-1: unknown); or the remembered
-- 'epoch seq time' alone; or nothing, if the key was used with another request; or 'refused'
-- and why, because clients lose their place at an error inside of an answer.
local COMMON, FIELDS_OF_EVENT = 9, 9
local stream = KEYS[1]
local most, keep = tonumber(ARGV[2]), tonumber(ARGV[3])

-- Days since 1970 to a date, by counting in eras of 400 years that begin in March.
local function date(days)
  days = days + 719468
  local era = math.floor(days / 146097)
  local day = days - era * 146097
  local year = math.floor((day - math.floor(day / 1460) + math.floor(day / 36524) - math.floor(day / 146096)) / 365)
  day = day - (365 * year + math.floor(year / 4) - math.floor(year / 100))
  local month = math.floor((5 * day + 2) / 153)
  day = day - math.floor((153 * month + 2) / 5) + 1
  if month < 10 then month = month + 3 else month = month - 9 end
  year = year + era * 400
  if month <= 2 then year = year + 1 end
  return year, month, day
end

local function timestamp(ms)
  local seconds = math.floor(ms / 1000)
  local days = math.floor(seconds / 86400)
  local year, month, day = date(days)
  local rest = seconds - days * 86400
  return string.format('%04d-%02d-%02dT%02d:%02d:%02d.%03dZ', year, month, day,
    math.floor(rest / 3600), math.floor(rest / 60) % 60, rest % 60, ms - seconds * 1000)
end

local s, broken = state(stream)
if broken then return broken end
s = s or { life = ARGV[1], head = 0, floor = 0, first = 0, last = 0 }
local before = keep > 0 and { life = s.life, head = s.head, floor = s.floor, first = s.first, last = s.last }
local id, wrong = server()
if not id then return wrong end
local of = epoch(id, s.life)
local clocked = clock()

local function failed(reply) return type(reply) == 'table' and reply.err end

local function add(seq, now, typ, data, expires)
  local at = s.life .. '-' .. decimal(seq)
  local done
  if most > 0 then
    done = redis.pcall('XADD', stream, 'MAXLEN', ARGV[2], at, 'time', decimal(now), 'type', typ, 'data', data, 'expires', expires)
  else
    done = redis.pcall('XADD', stream, at, 'time', decimal(now), 'type', typ, 'data', data, 'expires', expires)
  end
  if failed(done) then return done end
  local lives = redis.pcall('PEXPIRE', stream, ARGV[4])
  if failed(lives) and seq == 1 then -- one that was made now would stay for ever
    redis.call('DEL', stream)
    return lives
  end
end

local function append(n)
  local at = COMMON + n * FIELDS_OF_EVENT
  local record, hash, typ, data, expires = KEYS[tonumber(ARGV[at + 1])], ARGV[at + 2], ARGV[at + 7], ARGV[at + 8], ARGV[at + 9]
  if record then
    local answer = redis.call('GET', record)
    if answer then
      if string.sub(answer, 1, #hash) ~= hash then return {} end
      return { string.sub(answer, #hash + 1) }
    end
  end
  local seq = s.head + 1
  local now = math.max(clocked, s.last) -- a clock that was put back makes no event older than the one before
  if record then
    redis.call('SET', record, hash .. of .. ' ' .. decimal(seq) .. ' ' .. decimal(now), 'PX', ARGV[8])
  end
  local refused = add(seq, now, typ, data, expires)
  if refused then
    if record then redis.call('DEL', record) end
    return refused
  end
  s.head, s.last = seq, now

  local frame = ''
  if tonumber(expires) == 0 or tonumber(expires) > clocked then -- what nobody may see any more must not lie on the bus
    frame = ARGV[at + 3] .. decimal(seq) .. ARGV[at + 4] .. timestamp(now) .. ARGV[at + 5] .. data .. ARGV[at + 6]
    if #frame > tonumber(ARGV[7]) then frame = '' end
  end
  return { of, decimal(seq), decimal(now), announce(ARGV[5], ARGV[9], wire(tonumber(ARGV[6]), of, seq, frame)) }
end

local answers = {}
for n = 0, (#ARGV - COMMON) / FIELDS_OF_EVENT - 1 do
  local ok, answer = pcall(append, n)
  local refused = not ok and answer or answer.err -- raised as a text or as a table, depending on the version
  if refused then answer = { 'refused', tostring(failed(refused) or refused) } end
  answers[n + 1] = answer
end
if before and s.head > before.head then
  pcall(age, stream, before, s.last - keep) -- what it leaves the walk of trim.lua complains of
end
return answers
