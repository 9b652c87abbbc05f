-- Mark leased pages as done. For each page: member, token, new record ('' keeps the old one), number of books, of
-- published books, of remarks, of refused records. Returns how many were ignored because their lease was lost.
local stale, books, published, remarks, refused, mine, records = 0, 0, 0, 0, 0, {}, {}
for i = 3, #ARGV, 7 do
  local member = ARGV[i]
  if owns(member, ARGV[i + 1]) then
    mine[#mine + 1] = member
    if ARGV[i + 2] ~= '' then
      records[#records + 1] = member
      records[#records + 1] = ARGV[i + 2]
    end
    books, published = books + ARGV[i + 3], published + ARGV[i + 4]
    remarks, refused = remarks + ARGV[i + 5], refused + ARGV[i + 6]
  else
    stale = stale + 1
  end
end
if stale > 0 then redis.call('HINCRBY', meta, 'stale', stale) end
if #mine > 0 then
  remove_leases(mine)
  redis.call('HDEL', failed, unpack(mine))
  redis.call('HDEL', missing, unpack(mine))
  redis.call('HDEL', meta, 'closing')
  if #records > 0 then redis.call('HSET', pages, unpack(records)) end
  redis.call('HINCRBY', meta, 'pages', #mine)
  redis.call('HINCRBY', meta, 'books', books)
  redis.call('HINCRBY', meta, 'published', published)
  redis.call('HINCRBY', meta, 'unchanged', books - published)
  if remarks > 0 then redis.call('HINCRBY', meta, 'remarks', remarks) end
  if refused > 0 then redis.call('HINCRBY', meta, 'refused', refused) end
end
return stale
