-- Keeps checkpoints away for a while, so that rows and journal can be read as of one moment. KEYS: head. ARGV: seconds.
if redis.call('EXISTS', KEYS[1]) == 0 then return {'STRANGE', ''} end
local deadline = tonumber(redis.call('TIME')[1]) + tonumber(ARGV[1])
redis.call('HSET', KEYS[1], 'held_until', string.format('%d', deadline))
return {'OK'}
