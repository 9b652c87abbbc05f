-- Progress of the run and mode of the fleet. Returns {pages, books, published, unchanged, known, leased, failed,
-- stale, workers, state, url}.
local found = redis.call('HMGET', meta, 'pages', 'books', 'published', 'unchanged', 'known0', 'known1', 'failed',
  'stale', 'forgotten')
for i = 1, 9 do found[i] = tonumber(found[i] or 0) end
local mode = redis.call('HMGET', fleet, 'state', 'url')
return {text(found[1]), text(found[2]), text(found[3]), text(found[4]), text(found[5] + found[6] - found[9]),
  text(redis.call('ZCARD', leases)), text(found[7]), text(found[8]),
  text(redis.call('ZCOUNT', workers, text(now()), '+inf')), mode[1] or 'idle', mode[2] or ''}
