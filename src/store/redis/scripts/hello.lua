-- Says that a node is there, and answers which are. KEYS: nodes. ARGV: the node, where it is reached, for how many
-- milliseconds (0: it goes).
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
if ARGV[3] == '0' then
  redis.call('HDEL', KEYS[1], ARGV[1])
else
  redis.call('HSET', KEYS[1], ARGV[1], string.format('%d', now + tonumber(ARGV[3])) .. ' ' .. ARGV[2])
end
local there = {}
local all = redis.call('HGETALL', KEYS[1])
for at = 1, #all, 2 do
  local deadline, url = string.match(all[at + 1], '^(%d+) (.*)$')
  if deadline and tonumber(deadline) > now then
    there[#there + 1] = all[at]
    there[#there + 1] = url
  else
    redis.call('HDEL', KEYS[1], all[at])
  end
end
return there
