"""Changes to the queues of deliveries that have to happen at once: Lua, carried out by Redis."""

from typing import Final

__all__ = ["ADD", "RECEIVE", "RETRY", "SCHEDULE"]

# Queue new deliveries: KEYS due, bodies, seen, next; ARGV now, the time before which seen ids are dropped, the trigger,
# then pairs of id and body.
ADD: Final = """
redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', ARGV[2])
local added = 0
for i = 4, #ARGV, 2 do
  if redis.call('ZADD', KEYS[3], 'NX', ARGV[1], ARGV[i]) == 1 then
    redis.call('HSET', KEYS[2], ARGV[i], ARGV[i + 1])
    redis.call('ZADD', KEYS[1], ARGV[1], ARGV[i])
    added = added + 1
  end
end
if added > 0 then redis.call('ZADD', KEYS[4], 'LT', ARGV[1], ARGV[3]) end
return added
"""
# Receive what is due, and make it invisible: KEYS due, bodies; ARGV now, until when it is invisible, how many.
RECEIVE: Final = """
local ids = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1], 'LIMIT', 0, ARGV[3])
local taken = {}
for i, id in ipairs(ids) do
  local body = redis.call('HGET', KEYS[2], id)
  if body then
    redis.call('ZADD', KEYS[1], ARGV[2], id)
    taken[#taken + 1] = body
  else
    redis.call('ZREM', KEYS[1], id)
  end
end
return taken
"""
# Schedule a delivery again, unless it was settled or its trigger removed in the meantime: KEYS due, bodies, next; ARGV
# id, body, when, the trigger.
RETRY: Final = """
if redis.call('HEXISTS', KEYS[2], ARGV[1]) == 0 then return 0 end
redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])
redis.call('ZADD', KEYS[1], ARGV[3], ARGV[1])
redis.call('ZADD', KEYS[3], 'LT', ARGV[3], ARGV[4])
return 1
"""
# Note when the first delivery of a trigger is due: KEYS due, next; ARGV the trigger.
SCHEDULE: Final = """
local first = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
if #first == 0 then return redis.call('ZREM', KEYS[2], ARGV[1]) end
return redis.call('ZADD', KEYS[2], first[2], ARGV[1])
"""
