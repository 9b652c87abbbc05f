-- Give pages back, to be handed out at once. ARGV[3]: worker that leaves; then member and token of each page.
redis.call('ZREM', workers, ARGV[3])
for i = 4, #ARGV, 2 do
  if owns(ARGV[i], ARGV[i + 1]) then
    let_go({ARGV[i]})
    redis.call('ZADD', leases, 0, ARGV[i])
  end
end
return 0
