-- Reserves slots of one team's rate limit and processes reports about finished requests.
--
-- The rules are those of loops_async.pacing.slots: as many slots as Loops allows requests per
-- second, each in use from sending until a period and a grace later. The differences: slots are
-- reserved in advance, so of N slots, the next one is free when the oldest of the latest N
-- reservations ends; and times are microseconds of this server's TIME, which all processes share.
--
-- Constants are defined before this text; see reservations.py.
-- The keys are untrusted input: values that are not plausible numbers are treated as missing.

local slots, refused, state, processes = KEYS[1], KEYS[2], KEYS[3], KEYS[4]

local function number(text, low, high, default)
  local value = tonumber(text or nil)
  if value and value >= low and value <= high then return value end
  return default
end

local function argument(position) return tonumber(ARGV[position]) end

local token, is_bulk, wanted, first = ARGV[1], ARGV[2] == 'bulk', argument(3), argument(4)
local assumed_limit, new_limit, max_rate = argument(5), argument(6), argument(7)
local typical_grace, hold, batch_time = argument(8), argument(9), argument(10)
local known_processes, known_epoch, called = argument(11), argument(12), argument(13)
local returned_count = argument(14)
local reports_from = 15 + returned_count

for key, kind in pairs({[slots] = 'zset', [refused] = 'zset', [state] = 'hash', [processes] = 'zset'}) do
  local found = redis.call('TYPE', key)['ok']
  if found ~= kind and found ~= 'none' then redis.call('DEL', key) end
end
local holds_slots = redis.call('EXISTS', slots) == 1

local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local known = redis.call('HMGET', state, 'last', 'limit', 'closed_until', 'next_bulk', 'others',
  'others_until', 'confidence', 'step', 'epoch', 'expected',
  'held')
local last = number(known[1], 1, 2^53, 0)
local epoch, expected = number(known[9], 1, 2^53, 0), number(known[10], 0, 1e6, 0)
if last > now + CLOCK_JUMP then
  -- The clock was set back, or another server has taken over: the stored times are meaningless.
  redis.call('DEL', slots, refused)
  known[3], known[4], known[6] = false, false, false
elseif last > now then
  now = last
end
-- Whether the caller reports all its recent requests, because it had no access to this data.
local is_back = known_epoch == 0 and known_processes > 0
local was_lost = epoch == 0 or epoch > now or (known[11] == '1' and not holds_slots)
if was_lost or (is_back and last < now - REJOIN_TIME) then
  -- The data is new, was lost, or could not be reached: the processes that the caller knows have
  -- requests in flight.
  epoch, expected = now, known_processes
  redis.call('DEL', processes)
end

local limit = number(known[2], MIN_LIMIT, MAX_LIMIT, assumed_limit)
if new_limit > 0 then limit = new_limit end
-- The remaining header counts from the whole limit; our own slots are also limited by max_rate.
local whole, rate = math.ceil(limit), math.min(limit, max_rate)
local count = math.ceil(rate)
local period = count / rate * 1000000 + CLOCK_ERROR
local max_ahead = MAX_AHEAD + 4 * period
local closed_until = math.max(number(known[3], 0, now + MAX_HOLD, 0), hold > 0 and now + hold or 0)
local next_bulk = number(known[4], 0, now + MAX_HOLD + 2 * max_ahead, 0)
local others_until = number(known[6], 0, now + OTHERS_MEMORY, 0)
local others = others_until > now and number(known[5], 0, whole, 0) or 0
local confidence = number(known[7], MIN_CONFIDENCE, MAX_CONFIDENCE, 0)
local step = number(known[8], 0, INITIAL_ACCEPTED_STEP, INITIAL_ACCEPTED_STEP)

-- Old slots are kept for late reports, which need to know how full the window was.
local oldest = now - RETENTION - 40 * period / count
redis.call('ZREMRANGEBYSCORE', slots, '-inf', oldest)
redis.call('ZREMRANGEBYSCORE', refused, '-inf', oldest)
redis.call('ZREMRANGEBYSCORE', slots, now + MAX_HOLD + 2 * max_ahead, '+inf')

for position = 15, 14 + returned_count do
  redis.call('ZREM', slots, token .. ':' .. ARGV[position])
end

local function note_others(found)
  if found > others or others_until <= now then
    others, others_until = math.min(found, whole), now + OTHERS_MEMORY
  elseif found == others then
    others_until = now + OTHERS_MEMORY
  end
end

-- For any kind of window, Loops has counted at most those of our requests that were sent before the
-- reply and had a slot when this request was sent. The rest is from others.
local function note_others_from_report(sent, replied, remaining, was_refused)
  -- If no use by others is known, a refusal usually means that our own requests were delayed.
  local is_ours = was_refused and others <= 0
  local low = sent - (is_ours and MAX_GRACE or LINGER)
  local high = replied + period + typical_grace + LINGER
  if low < oldest then return end
  -- Not all processes have reported what they sent before the data was lost.
  if expected > 0 and low < epoch + period + MAX_GRACE then return end
  local own = redis.call('ZCOUNT', slots, low, high) - redis.call('ZCOUNT', refused, low, high)
  local found = whole - remaining - own
  if not was_refused then found = math.min(found, whole - count + math.floor(count * 3 / 4)) end
  if found > math.floor(whole / 40) + (was_refused and 1 or 0) then note_others(found) end
end

for position = reports_from, #ARGV, 6 do
  local member = token .. ':' .. ARGV[position]
  local sent = math.min(argument(position + 1), now)
  local score = sent + period + math.min(math.max(argument(position + 2), 0), MAX_GRACE)
  local outcome, remaining = ARGV[position + 3], argument(position + 4)
  if score > oldest then redis.call('ZADD', slots, score, member) end
  if outcome == 'refused' then
    confidence, step = math.max(MIN_CONFIDENCE, confidence - REFUSED_STEP), ACCEPTED_STEP
    if score > oldest then redis.call('ZADD', refused, score, member) end
  elseif outcome == 'accepted' then
    confidence = math.min(MAX_CONFIDENCE, confidence + step)
  end
  if remaining >= 0 then
    note_others_from_report(sent, argument(position + 5), remaining, outcome == 'refused')
  end
end

if ARGV[2] == 'leave' then
  redis.call('ZREM', processes, token)
elseif known_epoch > 0 and known_epoch ~= epoch then
  -- The caller learns of it from the reply, and reports its recent requests first.
  wanted = 0
else
  redis.call('ZADD', processes, now, token)
end
redis.call('ZREMRANGEBYSCORE', processes, '-inf', now - PROCESS_TTL)
redis.call('ZREMRANGEBYSCORE', processes, now + CLOCK_JUMP, '+inf')
local live = math.max(redis.call('ZCARD', processes), 1)

local usable = math.max(1, math.min(count, whole - math.floor(others)))
if now < epoch + math.max(REJOIN_TIME, period) and expected > live then
  -- Processes that have not reported yet may have used their share, or still use it.
  usable = math.max(1, usable - math.floor(count * (expected - live) / expected))
  live = expected
end
local spacing = SPACING * (period + typical_grace) / usable
-- Reserving one slot at a time is fair and avoids reservations far ahead; at high rates, a few
-- milliseconds' worth of the share saves round trips. Of the slots that are free now, a process
-- gets its share at once, and the rest goes to the next process that asks.
local batch = math.floor(rate * batch_time / 1000000 / live)
local free_now = usable - redis.call('ZCOUNT', slots, '(' .. string.format('%.0f', now), '+inf')
local burst = math.ceil(free_now / live)
local retry_in, granted = 0, {}
-- Callers that have already timed out would never learn of their reservations. (A server that was
-- suspended finds such calls when it resumes.)
if called > 0 and now - called > TIMEOUT then wanted = 0 end

for index = 1, wanted do
  local free_at = redis.call('ZREVRANGE', slots, usable - 1, usable - 1, 'WITHSCORES')
  local due = math.max(now, tonumber(free_at[2] or nil) or 0, closed_until)
  if is_bulk and due < next_bulk then
    local free = usable - redis.call('ZCOUNT', slots, '(' .. string.format('%.17g', due), '+inf')
    if 2 * free <= usable then due = next_bulk end
  end
  if index > 1 and index > batch and (due > now or index > burst) then break end
  if due > math.max(now, closed_until) + max_ahead then
    retry_in = MAX_AHEAD / 10
    break
  end
  next_bulk = math.min(math.max(next_bulk, due - CATCH_UP), due) + spacing
  local member = token .. ':' .. string.format('%.0f', first + index - 1)
  redis.call('ZADD', slots, due + period + typical_grace, member)
  granted[#granted + 1] = math.ceil(due - now)
end

if new_limit > 0 then redis.call('HSET', state, 'limit', string.format('%.17g', limit)) end
redis.call('HSET', state, 'last', now, 'closed_until', closed_until, 'next_bulk', next_bulk,
  'others', others, 'others_until', others_until, 'confidence', confidence, 'step', step,
  'epoch', epoch, 'expected', expected, 'held', redis.call('EXISTS', slots))
local ttl = math.ceil(KEY_TTL + 2 * period / 1000)
for _, key in ipairs(KEYS) do redis.call('PEXPIRE', key, ttl) end

return {now, live, math.ceil(limit * 1000000), math.floor(confidence * 1000000),
  epoch, retry_in, unpack(granted)}
