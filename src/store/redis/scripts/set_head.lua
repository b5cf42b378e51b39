-- Changes the head of a shard that nobody is served from yet. KEYS: head. ARGV: the epoch that it has, then names and values.
local epoch = redis.call('HGET', KEYS[1], 'epoch')
if epoch ~= ARGV[1] then return {'FENCED', epoch or ''} end
for at = 2, #ARGV, 2 do redis.call('HSET', KEYS[1], ARGV[at], ARGV[at + 1]) end
return {'OK'}
