-- Update the pace of the host and reserve a slot. ARGV[3..6]: interval between requests, time to hold the host, its
-- Crawl-delay ('' keeps the stored one), 1 to reserve a slot.
-- Returns {time until the slot, rest of the hold}.
local moment = now()
local hold, delay = tonumber(ARGV[4]), ARGV[5]
if hold > 0 and moment + hold > number(host, 'hold') then redis.call('HSET', host, 'hold', text(moment + hold)) end
if delay ~= '' then redis.call('HSET', host, 'delay', delay) end
redis.call('EXPIRE', host, 86400)
local start, apart, left = pace(moment, tonumber(ARGV[3]))
if ARGV[6] == '1' and apart > 0 then reserve_until(start + apart) end
return {text(start - moment), text(left)}
