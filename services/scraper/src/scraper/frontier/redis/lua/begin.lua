-- Join the unfinished run, else begin one. ARGV[3..6]: site, extractor, stem of the run's name, worker;
-- ARGV[7..8]: lifetime of a lease, 1 to refuse a source that the fleet isn't commanded to crawl.
-- Returns {'joined' | 'begun' | 'paused' | 'uncommanded' | 'others', number, name, counts of the run...}.
local site, extractor, stem, worker = ARGV[3], ARGV[4], ARGV[5], ARGV[6]
local moment = now()
local mode = redis.call('HGET', fleet, 'state')
if mode == 'paused' then return {'paused'} end
if ARGV[8] == '1' and mode ~= 'running' then return {'uncommanded'} end
redis.call('ZREMRANGEBYSCORE', workers, '-inf', '(' .. text(moment))
redis.call('ZREM', workers, worker)
local alone = redis.call('ZCARD', workers) == 0
local last = redis.call('HMGET', meta, 'site', 'extractor', 'finished', 'number', 'name')
local same = last[1] == site and last[2] == extractor
if last[1] and not same and not alone then return {'others', last[1], last[2]} end
redis.call('ZADD', workers, text(moment + tonumber(ARGV[7])), worker)

if same and not last[3] then
  if alone then -- no other worker: this resumes an interrupted run, so failed pages are tried again
    local reasons = redis.call('HGETALL', failed)
    local mark = last[4] .. '|'
    for i = 1, #reasons, 2 do
      local member, reason = reasons[i], reasons[i + 1]
      if string.sub(reason, 1, #mark) == mark then
        redis.call('ZADD', leases, 0, member)
        redis.call('HSET', failed, member, '0|' .. string.sub(reason, #mark + 1))
        redis.call('HINCRBY', meta, 'failed', -1)
      end
    end
  end
  local counts = redis.call('HMGET', meta, 'pages', 'books', 'published', 'unchanged', 'remarks', 'refused')
  return {'joined', last[4], last[5], counts[1], counts[2], counts[3], counts[4], counts[5] or '0', counts[6] or '0'}
end

if last[1] and last[1] ~= site then
  redis.call('UNLINK', pages, seen, failed, listed, missing)
  redis.call('HDEL', meta, 'known0', 'known1', 'forgotten', 'complete', 'seen')
elseif last[1] and last[2] ~= extractor then
  redis.call('HINCRBY', meta, 'epoch', 1)
end
redis.call('UNLINK', held, leases)
local next_number = tonumber(last[4] or 0) + 1
local name = stem .. '-' .. text(next_number)
redis.call('HSET', meta, 'site', site, 'extractor', extractor, 'number', text(next_number), 'name', name,
  'taken0', 0, 'taken1', 0, 'turn', 0, 'pages', 0, 'books', 0, 'published', 0, 'unchanged', 0, 'failed', 0,
  'remarks', 0, 'refused', 0)
redis.call('HDEL', meta, 'finished', 'closing')
return {'begun', text(next_number), name}
