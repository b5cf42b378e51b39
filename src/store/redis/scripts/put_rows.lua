-- Writes rows, all or none. KEYS: head, then hashes of rows and sorted sets of their keys. ARGV: epoch, then for each
-- row the place of its hash in KEYS, that of its sorted set (0: it has none), '+' or '-', its key, and a value after '+'.
local head = redis.call('HMGET', KEYS[1], 'epoch', 'held_until')
if head[1] ~= ARGV[1] then return {'FENCED', head[1] or ''} end
if head[2] and tonumber(head[2]) > tonumber(redis.call('TIME')[1]) then return {'HELD'} end
-- A script that fails keeps what it wrote (RS4), so what could fail is looked at first.
for place = 2, #KEYS do
  local kind = redis.call('TYPE', KEYS[place]).ok
  local wanted = string.find(KEYS[place], ':rows:', 1, true) and 'hash' or 'zset'
  if kind ~= 'none' and kind ~= wanted then return {'TORN', KEYS[place]} end
end
-- What needs space comes first: out of memory refuses a script at its first write, or not at all (RS5).
redis.call('HINCRBY', KEYS[1], 'checkpoints', 1)
local at = 2
while at <= #ARGV do
  local rows, index = KEYS[tonumber(ARGV[at])], tonumber(ARGV[at + 1])
  local key = ARGV[at + 3]
  if ARGV[at + 2] == '+' then
    redis.call('HSET', rows, key, ARGV[at + 4])
    if index > 0 then redis.call('ZADD', KEYS[index], 0, key) end
    at = at + 5
  else
    redis.call('HDEL', rows, key)
    if index > 0 then redis.call('ZREM', KEYS[index], key) end
    at = at + 4
  end
end
return {'OK'}
