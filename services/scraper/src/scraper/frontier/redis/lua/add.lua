-- Add the pages that aren't known; all are listed by this run. ARGV[3]: kind; then digest and record of each page. Returns how many were added.
if run_state() == 'reset' then return 0 end
local kind, added = ARGV[3], 0
local known = number(meta, 'known' .. kind)
for i = 4, #ARGV, 2 do
  redis.call('HSET', listed, ARGV[i], ARGV[2])
  if redis.call('SADD', seen, ARGV[i]) == 1 then
    added = added + 1
    redis.call('HSET', pages, kind .. ':' .. text(known + added), ARGV[i + 1])
  end
end
redis.call('HSET', meta, 'known' .. kind, text(known + added))
return added
