"""What must Redis do in one step? Lua scripts (Redis 6.2 has no functions), each for the keys of one stream.

Redis may lose what it was told: all of it (a new server, FLUSHALL) or the last second of it (a crash, a failover to a
replica that lagged). The truth is in the outbox, so the relay only has to notice. For that, each stream's `relay` hash
holds an `epoch`, which names the life of the data, and a `sequence`, which counts the events added in it. PostgreSQL
holds the same two. Before anything is added, they are compared here: another epoch or a smaller sequence than
PostgreSQL remembers means that entries are gone.
"""

from typing import Final

APPEND: Final = """
-- KEYS: relay hash, stream. ARGV: epoch, sequence, most entries, number of events, then per event: count, fields...
local epoch = redis.call('HGET', KEYS[1], 'epoch') or ''
local sequence = tonumber(redis.call('HGET', KEYS[1], 'sequence') or '0')
if epoch == '' or epoch ~= ARGV[1] or sequence < tonumber(ARGV[2]) then
  return {'lost', sequence, epoch}
end
local count = tonumber(ARGV[4])
if count > 0 and redis.call('XLEN', KEYS[2]) >= tonumber(ARGV[3]) then
  return {'full', sequence, epoch}
end
local at = 5
for _ = 1, count do
  local size = tonumber(ARGV[at])
  sequence = sequence + 1
  redis.call('XADD', KEYS[2], '*', 'sequence', sequence, unpack(ARGV, at + 1, at + size))
  at = at + size + 1
end
if count > 0 then
  redis.call('HSET', KEYS[1], 'sequence', sequence)
end
return {'ok', sequence, epoch}
"""

BEGIN: Final = """
-- KEYS: relay hash, stream. ARGV: name for a new life, then the groups that read the stream before.
-- Groups begin at the start, so that one that is away now misses nothing of what is relayed again.
redis.call('HSETNX', KEYS[1], 'epoch', ARGV[1])
redis.call('HSETNX', KEYS[1], 'sequence', 0)
for at = 2, #ARGV do
  redis.pcall('XGROUP', 'CREATE', KEYS[2], ARGV[at], '0', 'MKSTREAM')
end
return {tonumber(redis.call('HGET', KEYS[1], 'sequence')), redis.call('HGET', KEYS[1], 'epoch')}
"""

TRIM: Final = """
-- KEYS: relay hash, stream. ARGV: epoch, entries to keep. Drops what every group has handled; tells the groups.
if redis.call('HGET', KEYS[1], 'epoch') ~= ARGV[1] then
  return {'lost'}
end
local found = redis.pcall('XINFO', 'GROUPS', KEYS[2])
if found.err then
  return {'ok'}
end
local function parts(id)
  local time, number = string.match(id, '^(%d+)-(%d+)$')
  return tonumber(time), tonumber(number)
end
local function before(one, other)
  local time, number = parts(one)
  local other_time, other_number = parts(other)
  return time < other_time or (time == other_time and number < other_number)
end
local names, floor = {'ok'}, nil
for _, group in ipairs(found) do
  local info = {}
  for at = 1, #group, 2 do
    info[group[at]] = group[at + 1]
  end
  local oldest = info['last-delivered-id']
  if info['pending'] > 0 then
    local waiting = redis.call('XPENDING', KEYS[2], info['name'])[2]
    if waiting and before(waiting, oldest) then
      oldest = waiting
    end
  end
  if not floor or before(oldest, floor) then
    floor = oldest
  end
  table.insert(names, info['name'])
end
if redis.call('XLEN', KEYS[2]) > tonumber(ARGV[2]) then
  if floor then
    redis.call('XTRIM', KEYS[2], 'MINID', '~', floor)
  else
    redis.call('XTRIM', KEYS[2], 'MAXLEN', '~', ARGV[2])
  end
end
return names
"""

PARK: Final = """
-- KEYS: stream that was read, parking stream. ARGV: group, entry id, then the fields to park.
local parked = redis.call('XADD', KEYS[2], '*', unpack(ARGV, 3))
redis.call('XACK', KEYS[1], ARGV[1], ARGV[2])
return parked
"""

REPLAY: Final = """
-- KEYS: parking stream, replay stream. ARGV: number of fields about parking to leave out, their names, then entry ids.
local left_out = {}
for at = 2, tonumber(ARGV[1]) + 1 do
  left_out[ARGV[at]] = true
end
local moved = 0
for at = tonumber(ARGV[1]) + 2, #ARGV do
  local entry = redis.call('XRANGE', KEYS[1], ARGV[at], ARGV[at])[1]
  if entry then
    local fields = {}
    for f = 1, #entry[2], 2 do
      if not left_out[entry[2][f]] then
        table.insert(fields, entry[2][f])
        table.insert(fields, entry[2][f + 1])
      end
    end
    redis.call('XADD', KEYS[2], '*', unpack(fields))
    redis.call('XDEL', KEYS[1], ARGV[at])
    moved = moved + 1
  end
end
return moved
"""

FORGET_CONSUMER: Final = """
-- KEYS: stream. ARGV: group, consumer. Removes the consumer unless it still holds entries, which would go with it.
local pending = redis.pcall('XPENDING', KEYS[1], ARGV[1], '-', '+', 1, ARGV[2])
if pending.err or #pending > 0 then
  return 0
end
redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], ARGV[2])
return 1
"""
