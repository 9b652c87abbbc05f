-- Progress of the run and mode of the fleet. Returns {known, leased, failed, stale, workers, pages, books, published,
-- unchanged, remarks, refused, state, url, name of the run, time of the last
-- claim of a due run}.
local found = redis.call('HMGET', meta, 'pages', 'books', 'published', 'unchanged', 'remarks', 'refused', 'known0',
  'known1', 'forgotten', 'failed', 'stale')
for i = 1, 11 do found[i] = tonumber(found[i] or 0) end
local mode = redis.call('HMGET', fleet, 'state', 'url', 'claimed')
return {text(found[7] + found[8] - found[9]), text(redis.call('ZCARD', leases)), text(found[10]), text(found[11]),
  text(redis.call('ZCOUNT', workers, text(now()), '+inf')), text(found[1]), text(found[2]), text(found[3]),
  text(found[4]), text(found[5]), text(found[6]), mode[1] or 'idle', mode[2] or '',
  redis.call('HGET', meta, 'name') or '', mode[3] or ''}
