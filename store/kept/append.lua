-- Appends an event to a channel, trims it, publishes the event: with an error, nothing
-- of it. Once the event is written nothing fails any more, be it for a right that the
-- account lacks. Nor is anything written before: Redis refuses for want of memory, or
-- of replicas, only the first write of a script.
--
-- KEYS  stream, and under an idempotency key the record of that
-- ARGV  1 a life for the stream if it has to be made  2 most events to keep
--       3 milliseconds to keep them  (0: any)         4 milliseconds for the stream to outlive its newest event
--       5 name to publish under  6 version of the message  7 most bytes of a frame
--       8-11 frame: before seq, before time, before data, after data
--       12 type  13 data  14 milliseconds when it expires, 0 for never
--       15 hash of the request  16 milliseconds to remember it
-- Returns epoch, seq, time, receivers (-1: unknown); or the remembered
-- 'epoch seq time' alone; or nothing, if the key was used with another request.
local stream, record = KEYS[1], KEYS[2]
local most, keep = tonumber(ARGV[2]), tonumber(ARGV[3])

if record then
  local answer = redis.call('GET', record)
  if answer then
    if string.sub(answer, 1, #ARGV[15]) ~= ARGV[15] then return {} end
    return { string.sub(answer, #ARGV[15] + 1) }
  end
end

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
local id, wrong = server()
if not id then return wrong end
local of = epoch(id, s.life)
local seq = s.head + 1
local clocked = clock()
local now = math.max(clocked, s.last) -- a clock that was put back makes no event older than the one before

local function failed(reply) return type(reply) == 'table' and reply.err end
if record then
  redis.call('SET', record, ARGV[15] .. of .. ' ' .. decimal(seq) .. ' ' .. decimal(now), 'PX', ARGV[16])
end
local function add(...)
  return redis.pcall('XADD', stream, ...)
end
local entry = s.life .. '-' .. decimal(seq)
local done
if most > 0 then
  done = add('MAXLEN', ARGV[2], entry, 'time', decimal(now), 'type', ARGV[12], 'data', ARGV[13], 'expires', ARGV[14])
else
  done = add(entry, 'time', decimal(now), 'type', ARGV[12], 'data', ARGV[13], 'expires', ARGV[14])
end
if not failed(done) then
  local lives = redis.pcall('PEXPIRE', stream, ARGV[4])
  if failed(lives) and seq == 1 then -- one that was made now would stay for ever
    redis.call('DEL', stream)
    done = lives
  end
end
if failed(done) then
  if record then redis.call('DEL', record) end
  return done
end
if keep > 0 then pcall(age, stream, s, now - keep) end -- what it leaves the walk of trim.lua complains of

local frame = ''
local expires = tonumber(ARGV[14])
if expires == 0 or expires > clocked then -- what nobody may see any more must not lie on the bus
  frame = ARGV[8] .. decimal(seq) .. ARGV[9] .. timestamp(now) .. ARGV[10] .. ARGV[13] .. ARGV[11]
  if #frame > tonumber(ARGV[7]) then frame = '' end
end
local receivers = redis.pcall('PUBLISH', ARGV[5], wire(tonumber(ARGV[6]), of, seq, frame))
if type(receivers) ~= 'number' then receivers = -1 end
return { of, decimal(seq), decimal(now), receivers }
