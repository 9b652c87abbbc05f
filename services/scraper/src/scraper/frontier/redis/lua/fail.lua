-- Record the failure of a page. ARGV[3..5]: member, token, reason. Returns 1 when the lease was lost.
if not owns(ARGV[3], ARGV[4]) then
  redis.call('HINCRBY', meta, 'stale', 1)
  return 1
end
remove_leases({ARGV[3]})
redis.call('HSET', failed, ARGV[3], ARGV[2] .. '|' .. ARGV[5])
redis.call('HINCRBY', meta, 'failed', 1)
return 0
