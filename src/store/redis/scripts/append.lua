-- Adds one record. KEYS: head, journal. ARGV: epoch, its number, the number before it, the record.
-- Numbers are compared as text: Lua would print large ones in another way than they came.
local head = redis.call('HMGET', KEYS[1], 'epoch', 'last')
if head[1] ~= ARGV[1] then return {'FENCED', head[1] or ''} end
local last = head[2] or ''
if last == ARGV[3] then
  redis.call('XADD', KEYS[2], ARGV[2] .. '-0', 'r', ARGV[4])
  redis.call('HSET', KEYS[1], 'last', ARGV[2])
  return {'OK'}
end
local id = ARGV[2] .. '-0'
local kept = redis.call('XRANGE', KEYS[2], id, id)[1]
if kept and kept[2][2] == ARGV[4] then return {'OK'} end
return {'ORDER', last}
