-- Takes a shard under a new epoch, unless another node's lease runs. KEYS: head, epochs. ARGV: the store's id, the node, where
-- it is reached, how long its lease runs in milliseconds, an epoch that the new one must be above.
local head = redis.call('HMGET', KEYS[1], 'store', 'node', 'leased_until', 'epoch', 'last')
if head[1] ~= ARGV[1] then return {'STRANGE', head[1] or ''} end
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
if head[2] and head[2] ~= ARGV[2] and tonumber(head[3]) > now then return {'ELSEWHERE', head[2]} end
local epoch = string.format('%d', math.max(tonumber(head[4]), tonumber(ARGV[5])) + 1)
-- Where each owner began, so that a former one can tell what of its own is not there any more (F-R5).
redis.call('HSET', KEYS[2], epoch, head[5])
redis.call('HSET', KEYS[1], 'node', ARGV[2], 'url', ARGV[3], 'leased_until', string.format('%d', now + tonumber(ARGV[4])), 'epoch', epoch)
return {'OK', epoch}
