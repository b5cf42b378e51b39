-- Takes a shard by raising its epoch, unless another node's lease runs. KEYS: head. ARGV: the store's id, the node, where it
-- is reached, how long its lease runs in milliseconds.
local head = redis.call('HMGET', KEYS[1], 'store', 'node', 'leased_until')
if head[1] ~= ARGV[1] then return {'STRANGE', head[1] or ''} end
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
if head[2] and head[2] ~= ARGV[2] and tonumber(head[3]) > now then return {'ELSEWHERE', head[2]} end
redis.call('HSET', KEYS[1], 'node', ARGV[2], 'url', ARGV[3], 'leased_until', string.format('%d', now + tonumber(ARGV[4])))
return {'OK', string.format('%d', redis.call('HINCRBY', KEYS[1], 'epoch', 1))}
