-- Make an idle or stopped source run for a due time (ARGV[3]) that nobody has claimed. ARGV[4]: time of the caller, whose
-- clock may be ahead. Returns 1 to the one caller that did.
local state, moment = redis.call('HGET', fleet, 'state'), now()
local due, claimed = tonumber(ARGV[3]), redis.call('HGET', fleet, 'claimed')
if state == 'running' or state == 'paused' or due > moment then return 0 end
if claimed and tonumber(claimed) >= due then return 0 end
redis.call('HSET', fleet, 'state', 'running', 'url', '', 'claimed', text(math.min(moment, tonumber(ARGV[4]))))
return 1
