-- Keeps checkpoints away for a while, so that rows and journal can be read as of one moment. KEYS: head. ARGV: seconds.
-- Answers where the journal ends and how many checkpoints there were.
local head = redis.call('HMGET', KEYS[1], 'last', 'checkpoints')
if not head[1] then return {'STRANGE', ''} end
local deadline = tonumber(redis.call('TIME')[1]) + tonumber(ARGV[1])
redis.call('HSET', KEYS[1], 'held_until', string.format('%d', deadline))
return {'OK', head[1], head[2] or '0'}
