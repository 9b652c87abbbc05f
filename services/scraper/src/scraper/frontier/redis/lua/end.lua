-- Finish the run if nothing is queued or leased. ARGV[3]: most pages of a run; ARGV[4]: time; ARGV[5]: books that a
-- complete run saw, else ''.
-- Returns 1 to the one caller that finished it.
if run_state() ~= 'active' or redis.call('ZCARD', leases) > 0 then return 0 end
local found = redis.call('HMGET', meta, 'known0', 'known1', 'taken0', 'taken1')
local taken = tonumber(found[3] or 0) + tonumber(found[4] or 0)
local known = tonumber(found[1] or 0) + tonumber(found[2] or 0)
if taken < math.min(known, tonumber(ARGV[3])) then return 0 end
redis.call('HSET', meta, 'finished', ARGV[4])
if ARGV[5] ~= '' then redis.call('HSET', meta, 'complete', ARGV[2], 'seen', ARGV[5]) end
if redis.call('HGET', fleet, 'state') == 'running' then redis.call('HSET', fleet, 'state', 'idle') end
return 1
