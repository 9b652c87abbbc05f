-- Lease pages, as many as the pace and the concurrency of the host allow now. Pages are numbered in the order of
-- discovery within each kind (0 listings, 1 books), so the queue of a run is two numbers: how many are handed out.
-- ARGV[3..9]: worker, limit, lifetime of a lease, interval between requests, most leased pages of the host,
-- most pages of a run, how far ahead slots may be reserved.
-- Returns {state, token, wait, hold, first slot, slot interval, is limited, epoch, member, record, ...}.
local worker, limit, lasts, interval = ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local at_a_time, most, ahead = tonumber(ARGV[7]), tonumber(ARGV[8]), tonumber(ARGV[9])
local moment = now()
local state = run_state()
if state ~= 'active' then return {state} end
redis.call('ZADD', workers, text(moment + lasts), worker)
local start, apart, hold = pace(moment, interval)
if redis.call('HGET', fleet, 'state') == 'paused' then return {'paused', '0', text(SECOND), text(hold)} end

local found = redis.call('HMGET', meta, 'known0', 'known1', 'taken0', 'taken1', 'turn')
for i = 1, 5 do found[i] = tonumber(found[i] or 0) end
local taken, turn = {found[3], found[4]}, found[5]
local left = {found[1] - taken[1], found[2] - taken[2]}
local may = math.max(0, most - taken[1] - taken[2])
local limited = left[1] + left[2] > may

local room, wait = limit, SECOND
if start > moment + ahead then
  room, wait = 0, start - moment - ahead
elseif apart > 0 then
  room = math.min(room, math.floor((moment + ahead - start) / apart) + 1)
end
if at_a_time > 0 then
  redis.call('ZREMRANGEBYSCORE', busy, '-inf', text(moment))
  room = math.min(room, at_a_time - redis.call('ZCARD', busy))
end

local members = {}
if room > 0 then -- expired leases come first
  members = redis.call('ZRANGEBYSCORE', leases, '-inf', text(moment), 'LIMIT', 0, room)
end
while #members < room and may > 0 and left[1] + left[2] > 0 do -- three listings for each book
  turn = (turn + 1) % 4
  local kind = turn == 0 and 2 or 1
  if left[kind] == 0 then kind = 3 - kind end
  left[kind], taken[kind], may = left[kind] - 1, taken[kind] + 1, may - 1
  members[#members + 1] = (kind - 1) .. ':' .. text(taken[kind])
end

local waiting = math.min(left[1] + left[2], may)
if #members == 0 then
  local first = redis.call('ZRANGE', leases, 0, 0, 'WITHSCORES')
  if waiting == 0 and #first == 0 then state = 'drained' end
  if waiting == 0 and #first == 2 then wait = math.max(0, math.min(wait, tonumber(first[2]) - moment)) end
  return {state, '0', text(wait), text(hold), '0', '0', limited and '1' or '0'}
end

local records, live = {}, {}
for i, record in ipairs(redis.call('HMGET', pages, unpack(members))) do
  if record then -- a page that was forgotten is passed over
    records[#records + 1], live[#live + 1] = record, members[i]
  end
end
redis.call('HSET', meta, 'taken0', taken[1], 'taken1', taken[2], 'turn', turn)
if #live == 0 then return {state, '0', '0', text(hold), '0', '0', limited and '1' or '0'} end
members = live

local token = text(redis.call('HINCRBY', meta, 'token', 1))
local until_then = text(moment + lasts)
if apart > 0 then reserve_until(start + #members * apart) end
local answer = {state, token, '0', text(hold), text(start - moment), text(apart), limited and '1' or '0',
  text(number(meta, 'epoch'))}
local scores, tokens, of_host = {}, {}, {}
for i, member in ipairs(members) do -- one call for all of them is three times cheaper than three for each
  local a, b = 2 * i - 1, 2 * i
  scores[a], scores[b] = until_then, member
  tokens[a], tokens[b] = member, token
  of_host[a], of_host[b] = until_then, base .. member
  answer[8 + a], answer[8 + b] = member, records[i]
end
redis.call('ZADD', leases, unpack(scores))
redis.call('HSET', held, unpack(tokens))
if at_a_time > 0 then redis.call('ZADD', busy, unpack(of_host)) end
return answer
