-- Goes before every script. KEYS[1] is the source's prefix, KEYS[2] its host's; ARGV[1] and ARGV[2] are name and
-- number of the caller's run. Time is the server's, in microseconds: the callers' clocks don't matter. Numbers
-- are written with %.0f because Lua would print large ones as 1.7e+15.
local base, host = KEYS[1], KEYS[2]
local meta, pages, seen = base .. ':meta', base .. ':pages', base .. ':seen'
local held, leases, failed = base .. ':held', base .. ':leases', base .. ':failed'
local workers, fleet = base .. ':workers', base .. ':fleet'
local busy = host .. ':busy'
local SECOND = 1000000

local function now()
  local time = redis.call('TIME')
  return tonumber(time[1]) * SECOND + tonumber(time[2])
end

local function text(number)
  return string.format('%.0f', number)
end

local function number(key, field)
  return tonumber(redis.call('HGET', key, field) or 0) or 0
end

-- The caller's run is 'going', 'over', or 'lost': the store was emptied, whoever may have begun anew since.
local function standing()
  local found = redis.call('HMGET', meta, 'name', 'number', 'finished')
  if found[1] == ARGV[1] then return found[3] and 'over' or 'going' end
  if found[1] and tonumber(found[2]) > tonumber(ARGV[2]) then return 'over' end
  return 'lost'
end

-- Whether the page is still the caller's: the token of its lease is the newest one for it.
local is_current
local function owns(member, token)
  if is_current == nil then is_current = redis.call('HGET', meta, 'name') == ARGV[1] end
  return is_current and redis.call('HGET', held, member) == token
end

local function let_go(members)
  if #members == 0 then return end
  redis.call('HDEL', held, unpack(members))
  redis.call('ZREM', leases, unpack(members))
  if redis.call('EXISTS', busy) == 1 then
    for _, member in ipairs(members) do redis.call('ZREM', busy, base .. member) end
  end
end

-- When the host may be asked next (generic cell rate algorithm): not before what was promised to others, not
-- before the end of a Retry-After; and how far apart requests must be, robots.txt's Crawl-delay included.
local function pace(moment, interval)
  local found = redis.call('HMGET', host, 'next', 'hold', 'delay')
  local apart = math.max(interval, tonumber(found[3] or 0))
  local hold = tonumber(found[2] or 0)
  local start = math.max(moment, hold, apart > 0 and tonumber(found[1] or 0) or 0)
  return start, apart, math.max(0, hold - moment)
end

local function promise_until(moment)
  redis.call('HSET', host, 'next', text(moment))
  redis.call('EXPIRE', host, 86400)
end
