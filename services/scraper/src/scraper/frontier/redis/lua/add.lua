-- Make pages known that weren't. ARGV[3]: kind; then for each page its digest and record. Gives how many.
if standing() == 'lost' then return 0 end
local kind, added = ARGV[3], 0
local known = number(meta, 'known' .. kind)
for i = 4, #ARGV, 2 do
  if redis.call('SADD', seen, ARGV[i]) == 1 then
    added = added + 1
    redis.call('HSET', pages, kind .. ':' .. text(known + added), ARGV[i + 1])
  end
end
redis.call('HSET', meta, 'known' .. kind, text(known + added))
return added
