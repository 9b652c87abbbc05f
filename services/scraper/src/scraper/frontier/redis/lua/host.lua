-- What a host asked of us, and a slot for one more request. ARGV[3..6]: least time between requests, how long
-- to leave the host alone, its Crawl-delay ('' leaves the one that is known), 1 for a slot.
-- Gives {how long to wait for the slot, how long the host wants to be left alone}.
local moment = now()
local hold, delay = tonumber(ARGV[4]), ARGV[5]
if hold > 0 and moment + hold > number(host, 'hold') then redis.call('HSET', host, 'hold', text(moment + hold)) end
if delay ~= '' then redis.call('HSET', host, 'delay', delay) end
redis.call('EXPIRE', host, 86400)
local start, apart, left = pace(moment, tonumber(ARGV[3]))
if ARGV[6] == '1' and apart > 0 then promise_until(start + apart) end
return {text(start - moment), text(left)}
