-- Forget pages while their run is being closed. ARGV: member and digest of each page, from the third on.
if run_state() ~= 'active' then return 0 end
local forgotten = 0
for i = 3, #ARGV, 2 do
  forgotten = forgotten + redis.call('HDEL', pages, ARGV[i])
  redis.call('HDEL', failed, ARGV[i])
  redis.call('HDEL', missing, ARGV[i])
  redis.call('SREM', seen, ARGV[i + 1])
  redis.call('HDEL', listed, ARGV[i + 1])
end
redis.call('HINCRBY', meta, 'forgotten', forgotten)
return forgotten
