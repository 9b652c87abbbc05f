-- Mark pages done whose leases are the caller's. For each page: member, token, new record ('' leaves the old
-- one), 1 for a book, 1 for published. Gives how many were no longer the caller's; those change nothing.
local stale, done, books, published = 0, 0, 0, 0
for i = 3, #ARGV, 5 do
  local member = ARGV[i]
  if owns(member, ARGV[i + 1]) then
    let_go(member)
    redis.call('HDEL', failed, member)
    if ARGV[i + 2] ~= '' then redis.call('HSET', pages, member, ARGV[i + 2]) end
    done, books = done + 1, books + ARGV[i + 3]
    published = published + ARGV[i + 4]
  else
    stale = stale + 1
  end
end
redis.call('HINCRBY', meta, 'stale', stale)
if done > 0 then
  redis.call('HINCRBY', meta, 'pages', done)
  redis.call('HINCRBY', meta, 'books', books)
  redis.call('HINCRBY', meta, 'published', published)
  redis.call('HINCRBY', meta, 'unchanged', books - published)
end
return stale
