-- A page couldn't be had. ARGV[3..5]: member, token, reason. Gives 1 when it was no longer the caller's.
if not owns(ARGV[3], ARGV[4]) then
  redis.call('HINCRBY', meta, 'stale', 1)
  return 1
end
let_go({ARGV[3]})
redis.call('HSET', failed, ARGV[3], ARGV[2] .. '|' .. ARGV[5])
redis.call('HINCRBY', meta, 'failed', 1)
return 0
