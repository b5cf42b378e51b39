-- Takes a shard by raising its epoch. KEYS: head. ARGV: the store's id.
local store = redis.call('HGET', KEYS[1], 'store')
if store ~= ARGV[1] then return {'STRANGE', store or ''} end
return {'OK', tostring(redis.call('HINCRBY', KEYS[1], 'epoch', 1))}
