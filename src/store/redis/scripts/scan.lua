-- Some rows in the order of their keys. KEYS: hash of rows, sorted set of their keys. ARGV: command, its two bounds, limit.
local keys = redis.call(ARGV[1], KEYS[2], ARGV[2], ARGV[3], 'LIMIT', '0', ARGV[4])
local found = {}
for _, key in ipairs(keys) do
  found[#found + 1] = key
  found[#found + 1] = redis.call('HGET', KEYS[1], key)
end
return found
