-- Reserves slots of one team's budget and takes the news of requests that have ended.
--
-- The rules are those of loops_async.pacing.Slots: as many slots as Loops takes requests per
-- second, each of them in use from sending until a period and a grace later. What differs: a slot
-- is given away ahead of time, so the next one is free when the latest that many are over; and
-- everything is in microseconds of this server's TIME, the one clock that all processes share.
--
-- Constants come before this text; see ledger.py.
-- Nothing in the keys is trusted: what is not a number within reason counts as missing.

local slots, refused, state, processes = KEYS[1], KEYS[2], KEYS[3], KEYS[4]

local function number(text, low, high, default)
  local value = tonumber(text or nil)
  if value and value >= low and value <= high then return value end
  return default
end

local function argument(position) return tonumber(ARGV[position]) end

local token, is_bulk, wanted, first = ARGV[1], ARGV[2] == 'bulk', argument(3), argument(4)
local assumed, told, ceiling = argument(5), argument(6), argument(7)
local usual, hold, lead, returning = argument(8), argument(9), argument(10), argument(11)
local called, returned_count = argument(12), argument(13)
local reports_from = 14 + returned_count

for key, kind in pairs({[slots] = 'zset', [refused] = 'zset', [state] = 'hash', [processes] = 'zset'}) do
  local found = redis.call('TYPE', key)['ok']
  if found ~= kind and found ~= 'none' then redis.call('DEL', key) end
end

local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local known = redis.call('HMGET', state, 'last', 'limit', 'closed', 'even', 'others',
  'others_until', 'boldness', 'step')
local last = number(known[1], 1, 2^53, 0)
local is_fresh = last == 0
if last > now + JUMP then
  -- Another server's clock, or one that was set back: no time in here means anything.
  redis.call('DEL', slots, refused)
  known[3], known[4], known[6] = false, false, false
elseif last > now then
  now = last
end

local limit = number(known[2], LOWEST, HIGHEST, assumed)
if told > 0 then limit = told end
-- What is left after a request is a part of the whole limit; our own slots are no more than the
-- ceiling has.
local whole, rate = math.ceil(limit), math.min(limit, ceiling)
local count = math.ceil(rate)
local period = count / rate * 1000000 + BLUR
local ahead = AHEAD + 4 * period
local closed = math.max(number(known[3], 0, now + LONGEST_HOLD, 0), hold > 0 and now + hold or 0)
local even = number(known[4], 0, now + LONGEST_HOLD + 2 * ahead, 0)
local others_until = number(known[6], 0, now + OTHERS_MEMORY, 0)
local others = others_until > now and number(known[5], 0, whole, 0) or 0
local boldness = number(known[7], TIMID, BOLD, 0)
local step = number(known[8], 0, TAKEN_AT_FIRST, TAKEN_AT_FIRST)

-- What was in use a while ago is kept for the reports of then: they ask how full the window was.
local oldest = now - RETENTION - 40 * period / count
redis.call('ZREMRANGEBYSCORE', slots, '-inf', oldest)
redis.call('ZREMRANGEBYSCORE', refused, '-inf', oldest)
redis.call('ZREMRANGEBYSCORE', slots, now + LONGEST_HOLD + 2 * ahead, '+inf')

for position = 14, 13 + returned_count do
  redis.call('ZREM', slots, token .. ':' .. ARGV[position])
end

local function note_others(found)
  if found > others or others_until <= now then
    others, others_until = math.min(found, whole), now + OTHERS_MEMORY
  elseif found == others then
    others_until = now + OTHERS_MEMORY
  end
end

-- Whatever the kind of window, it holds no more of our own than were sent before the reply came
-- and had a slot when this request was sent. What else it holds is somebody else's.
local function watch_others(sent, replied, remaining, was_refused)
  -- While nobody else was seen, a refusal mostly means that our own were held up on their way.
  local is_own = was_refused and others <= 0
  local low = sent - (is_own and LONGEST_GRACE or LINGER)
  local high = replied + period + usual + LINGER
  if low < oldest then return end
  local own = redis.call('ZCOUNT', slots, low, high) - redis.call('ZCOUNT', refused, low, high)
  local found = whole - remaining - own
  if not was_refused then found = math.min(found, whole - count + math.floor(count * 3 / 4)) end
  if found > math.floor(whole / 40) + (was_refused and 1 or 0) then note_others(found) end
end

for position = reports_from, #ARGV, 6 do
  local member = token .. ':' .. ARGV[position]
  local sent = math.min(argument(position + 1), now)
  local score = sent + period + math.min(math.max(argument(position + 2), 0), LONGEST_GRACE)
  local outcome, remaining = ARGV[position + 3], argument(position + 4)
  if score > oldest then redis.call('ZADD', slots, score, member) end
  if outcome == 'refused' then
    boldness, step = math.max(TIMID, boldness - REFUSED), TAKEN
    if score > oldest then redis.call('ZADD', refused, score, member) end
  elseif outcome == 'taken' then
    boldness = math.min(BOLD, boldness + step)
  end
  if remaining >= 0 then
    watch_others(sent, argument(position + 5), remaining, outcome == 'refused')
  end
end

if returning > 1 and is_fresh then
  -- The others have not come back yet; until they have, each still sends at its own share.
  others = whole - count + math.floor(count * (returning - 1) / returning)
  others_until = now + RETURN
end

if ARGV[2] == 'leave' then
  redis.call('ZREM', processes, token)
else
  redis.call('ZADD', processes, now, token)
end
redis.call('ZREMRANGEBYSCORE', processes, '-inf', now - ALIVE)
redis.call('ZREMRANGEBYSCORE', processes, now + JUMP, '+inf')
local live = math.max(redis.call('ZCARD', processes), 1)

local usable = math.max(1, math.min(count, whole - math.floor(others)))
local spacing = SPACING * (period + usual) / usable
-- One at a time is fair and keeps turns from being given long before they come; a share of a few
-- milliseconds' worth spares trips where there are many in them. Of what is free now, one share
-- goes at once, and the rest to whoever asks first after that.
local batch = math.floor(rate * lead / 1000000 / live)
local free_now = usable - redis.call('ZCOUNT', slots, '(' .. string.format('%.0f', now), '+inf')
local burst = math.ceil(free_now / live)
local again, granted = 0, {}
-- Whoever called before that has given up, and would never learn what it was given. (A server that
-- was frozen finds such calls when it thaws.)
if called > 0 and now - called > PATIENCE then wanted = 0 end

for index = 1, wanted do
  local free_at = redis.call('ZREVRANGE', slots, usable - 1, usable - 1, 'WITHSCORES')
  local due = math.max(now, tonumber(free_at[2] or nil) or 0, closed)
  if is_bulk and due < even then
    local free = usable - redis.call('ZCOUNT', slots, '(' .. string.format('%.17g', due), '+inf')
    if 2 * free <= usable then due = even end
  end
  if index > 1 and index > batch and (due > now or index > burst) then break end
  if due > math.max(now, closed) + ahead then
    again = AHEAD / 10
    break
  end
  even = math.min(math.max(even, due - CATCH_UP), due) + spacing
  redis.call('ZADD', slots, due + period + usual, token .. ':' .. string.format('%.0f', first + index - 1))
  granted[#granted + 1] = math.ceil(due - now)
end

if told > 0 then redis.call('HSET', state, 'limit', string.format('%.17g', limit)) end
redis.call('HSET', state, 'last', now, 'closed', closed, 'even', even, 'others', others,
  'others_until', others_until, 'boldness', boldness, 'step', step)
local ttl = math.ceil(TTL + 2 * period / 1000)
for _, key in ipairs(KEYS) do redis.call('PEXPIRE', key, ttl) end

return {now, live, math.ceil(limit * 1000000), math.floor(boldness * 1000000),
  is_fresh and 1 or 0, again, unpack(granted)}
