-- Record the failure of a page. ARGV[3..6]: member, token, reason, 1 when the site has no such page. Returns 1 when the lease was lost.
if not owns(ARGV[3], ARGV[4]) then
  redis.call('HINCRBY', meta, 'stale', 1)
  return 1
end
remove_leases({ARGV[3]})
redis.call('HSET', failed, ARGV[3], ARGV[2] .. '|' .. ARGV[5])
redis.call('HINCRBY', meta, 'failed', 1)
if ARGV[6] == '1' then -- counts once in a run
  local runs, last = string.match(redis.call('HGET', missing, ARGV[3]) or '0|0', '^(%d+)|(%d+)$')
  if last ~= ARGV[2] then redis.call('HSET', missing, ARGV[3], text(runs + 1) .. '|' .. ARGV[2]) end
end
return 0
