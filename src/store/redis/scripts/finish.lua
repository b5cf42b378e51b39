-- A store is whole from here on. KEYS: the store. ARGV: its id.
local id = redis.call('HGET', KEYS[1], 'id')
if id ~= ARGV[1] then return {'STRANGE', id or ''} end
redis.call('HSET', KEYS[1], 'ready', '1')
redis.call('HDEL', KEYS[1], 'filling')
return {'OK'}
