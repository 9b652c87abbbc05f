-- Return pages to the queue at once and sign a worker off. ARGV[3]: worker; then member and token of each page.
redis.call('ZREM', workers, ARGV[3])
for i = 4, #ARGV, 2 do
  if owns(ARGV[i], ARGV[i + 1]) then
    remove_leases({ARGV[i]})
    redis.call('ZADD', leases, 0, ARGV[i])
  end
end
return 0
