-- Begin to close a run in which nothing is queued or leased. ARGV[3]: most pages of a run; ARGV[4]: time.
-- Returns {} for any other run, else {the time of the first try, 1 when every page was taken, number of the last
-- complete run and the books that it saw, '' before the first one, books of this run}.
if run_state() ~= 'active' or redis.call('ZCARD', leases) > 0 then return {} end
local found = redis.call('HMGET', meta, 'known0', 'known1', 'taken0', 'taken1', 'complete', 'seen')
local taken = tonumber(found[3] or 0) + tonumber(found[4] or 0)
local known = tonumber(found[1] or 0) + tonumber(found[2] or 0)
if taken < math.min(known, tonumber(ARGV[3])) then return {} end
redis.call('HSETNX', meta, 'closing', ARGV[4])
return {redis.call('HGET', meta, 'closing'), taken < known and '0' or '1', found[5] or '', found[6] or '',
  redis.call('HGET', meta, 'books') or '0'}
