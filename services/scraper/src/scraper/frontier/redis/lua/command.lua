-- Apply a command to a source. ARGV[3..5]: command id, action, start URL. Returns 1 for a new command.
local id, action, url = ARGV[3], ARGV[4], ARGV[5]
local commands = base .. ':commands'
if redis.call('ZADD', commands, 'NX', text(now()), id) == 0 then return 0 end
redis.call('ZREMRANGEBYRANK', commands, 0, -1001)
local state = redis.call('HGET', fleet, 'state')
local is_open = redis.call('HEXISTS', meta, 'name') == 1 and redis.call('HEXISTS', meta, 'finished') == 0
if action == 'start' or action == 'backfill' then
  if action == 'backfill' then
    redis.call('HINCRBY', meta, 'epoch', 1)
    if is_open then redis.call('HSET', meta, 'finished', action) end
  end
  redis.call('HSET', fleet, 'state', 'running', 'url', url)
elseif action == 'stop' then
  if is_open then redis.call('HSET', meta, 'finished', action) end
  redis.call('HSET', fleet, 'state', 'stopped')
elseif action == 'pause' and state == 'running' then
  redis.call('HSET', fleet, 'state', 'paused')
elseif action == 'resume' and state == 'paused' then
  redis.call('HSET', fleet, 'state', 'running')
end
return 1
