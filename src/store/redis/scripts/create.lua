-- Makes a shard of a new store. KEYS: head. ARGV: the store's id. Again changes nothing.
if redis.call('EXISTS', KEYS[1]) == 0 then
  redis.call('HSET', KEYS[1], 'store', ARGV[1], 'epoch', '0', 'last', '0', 'trimmed', '0', 'checkpoints', '0')
  return {'OK'}
end
local store = redis.call('HGET', KEYS[1], 'store')
if store ~= ARGV[1] then return {'STRANGE', store or ''} end
return {'OK'}
