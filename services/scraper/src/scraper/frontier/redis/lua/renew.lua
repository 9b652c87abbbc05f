-- Renew leases. ARGV[3..4]: worker, lifetime of a lease; then member and token of each page.
-- Returns {hold, members whose lease was lost...}.
local moment = now()
local until_then = text(moment + tonumber(ARGV[4]))
local _, _, hold = pace(moment, 0)
redis.call('ZADD', workers, until_then, ARGV[3])
local answer = {text(hold)}
for i = 5, #ARGV, 2 do
  if owns(ARGV[i], ARGV[i + 1]) then
    redis.call('ZADD', leases, until_then, ARGV[i])
    redis.call('ZADD', busy, 'XX', until_then, base .. ARGV[i])
  else
    answer[#answer + 1] = ARGV[i]
  end
end
return answer
