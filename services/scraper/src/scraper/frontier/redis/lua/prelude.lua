-- Prepended to every script. KEYS[1]: prefix of the source, KEYS[2]: prefix of its host; ARGV[1], ARGV[2]: name and
-- number of the caller's run. Times are the server's, in microseconds, so clocks of the workers don't matter.
-- Numbers are formatted with %.0f because Lua prints large ones as 1.7e+15.
local base, host = KEYS[1], KEYS[2]
local meta, pages, seen = base .. ':meta', base .. ':pages', base .. ':seen'
local held, leases, failed = base .. ':held', base .. ':leases', base .. ':failed'
local workers, fleet = base .. ':workers', base .. ':fleet'
local listed, missing = base .. ':listed', base .. ':missing'
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

-- State of the caller's run: 'active', 'finished', or 'reset' when the store was emptied since.
local function run_state()
  local found = redis.call('HMGET', meta, 'name', 'number', 'finished')
  if found[1] == ARGV[1] then return found[3] and 'finished' or 'active' end
  if found[1] and tonumber(found[2]) > tonumber(ARGV[2]) then return 'finished' end
  return 'reset'
end

-- Whether the caller's lease of the page is the newest one (fencing token).
local is_current
local function owns(member, token)
  if is_current == nil then is_current = redis.call('HGET', meta, 'name') == ARGV[1] end
  return is_current and redis.call('HGET', held, member) == token
end

local function remove_leases(members)
  if #members == 0 then return end
  redis.call('HDEL', held, unpack(members))
  redis.call('ZREM', leases, unpack(members))
  if redis.call('EXISTS', busy) == 1 then
    for _, member in ipairs(members) do redis.call('ZREM', busy, base .. member) end
  end
end

-- Next free slot of the host (generic cell rate algorithm): after all reserved slots and after a hold; the interval
-- between slots, Crawl-delay included; the rest of the hold.
local function pace(moment, interval)
  local found = redis.call('HMGET', host, 'next', 'hold', 'delay')
  local apart = math.max(interval, tonumber(found[3] or 0))
  local hold = tonumber(found[2] or 0)
  local start = math.max(moment, hold, apart > 0 and tonumber(found[1] or 0) or 0)
  return start, apart, math.max(0, hold - moment)
end

local function reserve_until(moment)
  redis.call('HSET', host, 'next', text(moment))
  redis.call('EXPIRE', host, 86400)
end
