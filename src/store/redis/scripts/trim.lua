-- Forgets records. KEYS: head, journal. ARGV: epoch, the last number to forget, the number after it.
local head = redis.call('HMGET', KEYS[1], 'epoch', 'held_until', 'last', 'trimmed')
if head[1] ~= ARGV[1] then return {'FENCED', head[1] or ''} end
if head[2] and tonumber(head[2]) > tonumber(redis.call('TIME')[1]) then return {'HELD'} end
local upto = tonumber(ARGV[2])
if upto > tonumber(head[3]) then return {'ORDER', head[3]} end
if upto > tonumber(head[4]) then
  redis.call('HINCRBY', KEYS[1], 'checkpoints', 1)
  redis.call('HSET', KEYS[1], 'trimmed', ARGV[2])
  redis.call('XTRIM', KEYS[2], 'MINID', ARGV[3] .. '-0')
end
return {'OK'}
