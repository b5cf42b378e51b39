-- Lets a lease run on from now; for no time at all where the shard is given up. KEYS: head. ARGV: epoch, milliseconds.
local epoch = redis.call('HGET', KEYS[1], 'epoch')
if epoch ~= ARGV[1] then return {'FENCED', epoch or ''} end
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
redis.call('HSET', KEYS[1], 'leased_until', string.format('%d', now + tonumber(ARGV[2])))
return {'OK'}
