"""Scripts in the cache server: one round trip counts a request, reads the purge sequence and the entry.

The purge sequence is the number of the newest purge. A process knows purges up to some number and learns
with each request whether there are newer ones, so no message can be missed. The log holds the newest
purges, one entry a number; a process that is further behind drops all entries.
A lost sequence starts again from the time in microseconds, hence above all earlier numbers.
"""

from collections.abc import Sequence
from typing import Any

from bookcore.cache import Script, ScriptResult
from gateway.ratelimit.gcra import GCRA_LUA, advance_tat

SEQUENCE, LOG = "purge:sequence", "purge:log"
LOG_LENGTH = 256
_LIFE = 30 * 86_400.0
_MICRO = 1_000_000

_SEQUENCE = """
local function sequence_of(key, log)
  local stored = redis.call('GET', key)
  if stored then return tonumber(stored) end
  local begun = math.floor(now * 1000000)
  redis.call('SET', key, string.format('%.0f', begun))
  if log then redis.call('DEL', log) end
  return begun
end
"""
_ADMIT = f"""{_SEQUENCE}{GCRA_LUA}
local sequence = sequence_of(KEYS[2])
local allowed, remaining, wait, reset = gcra(KEYS[1], tonumber(ARGV[1]), tonumber(ARGV[2]))
if allowed == 0 then return {{0, 0, wait, reset, sequence}} end
local body = KEYS[3] and redis.call('GET', KEYS[3])
return {{1, remaining, 0, reset, sequence, body}}
"""
_PURGE = f"""{_SEQUENCE}
local moved = sequence_of(KEYS[1], KEYS[2]) + 1
redis.call('SET', KEYS[1], string.format('%.0f', moved))
redis.call('RPUSH', KEYS[2], ARGV[1])
redis.call('LTRIM', KEYS[2], -{LOG_LENGTH}, -1)
return {{moved}}
"""
_FETCH_PURGES = f"""{_SEQUENCE}
local sequence = sequence_of(KEYS[1], KEYS[2])
local length = redis.call('LLEN', KEYS[2])
local answer = {{sequence, sequence - length}}
local missed = sequence - tonumber(ARGV[1])
if missed > 0 and missed <= length then
  for _, tags in ipairs(redis.call('LRANGE', KEYS[2], -missed, -1)) do table.insert(answer, tags) end
end
return answer
"""


def _read_sequence(stored: bytes | None, now: float) -> int:
    return int(now * _MICRO) if stored is None else int(stored)


def _write_sequence(sequence: int) -> tuple[bytes, float]:
    return str(sequence).encode(), _LIFE


def _admit(values: Sequence[bytes | None], args: Sequence[Any], now: float) -> ScriptResult:
    # Any: the quota's requests and window
    instant = int(now * _MICRO)
    tat, remaining, wait, reset = advance_tat(args[0], args[1], int(values[0] or 0), instant)
    sequence = int(values[1] or instant)
    started = _write_sequence(sequence) if values[1] is None else None
    if wait:
        return ScriptResult([None, started, None][: len(values)], [0, 0, wait, reset, sequence])
    write = (b"%d" % tat, max(reset / _MICRO, 0.001))
    entry = values[2] if len(values) > 2 else None
    return ScriptResult([write, started, None][: len(values)], [1, remaining, 0, reset, sequence, entry])


def _purge(values: Sequence[bytes | None], args: Sequence[Any], now: float) -> ScriptResult:
    # Any: the tags
    moved = _read_sequence(values[0], now) + 1
    log = b"" if values[0] is None else values[1] or b""
    lines = [*log.split(b"\n")[:-1], args[0]][-LOG_LENGTH:]
    return ScriptResult([_write_sequence(moved), (b"\n".join(lines) + b"\n", _LIFE)], [moved])


def _fetch_purges(values: Sequence[bytes | None], args: Sequence[Any], now: float) -> ScriptResult:
    # Any: the newest number that the process knows
    sequence = _read_sequence(values[0], now)
    lines = (b"" if values[0] is None else values[1] or b"").split(b"\n")[:-1]
    missed = sequence - int(args[0])
    tag_lines = lines[-missed:] if 0 < missed <= len(lines) else []
    return ScriptResult([_write_sequence(sequence), None], [sequence, sequence - len(lines), *tag_lines])


ADMIT = Script("gateway.admit", _ADMIT, _admit)
"""Keys: limit, SEQUENCE, maybe an entry; arguments: requests, window in seconds.

Returns: allowed (1, 0), remaining, microseconds to wait, microseconds to reset, sequence, maybe the entry.
"""
PURGE = Script("gateway.purge", _PURGE, _purge)
"""Keys: SEQUENCE, LOG; argument: tags with spaces between. Returns the purge's number."""
FETCH_PURGES = Script("gateway.learn", _FETCH_PURGES, _fetch_purges)
"""Keys: SEQUENCE, LOG; argument: the newest number known. Returns the sequence, the number after which the
log starts, and the tags of each purge since; no tags when the log doesn't reach that far."""


def _save(values: Sequence[bytes | None], args: Sequence[Any], now: float) -> ScriptResult:
    # Any: the bytes and their lifetime
    return ScriptResult([(args[0], args[1] / 1_000)], [1])


SAVE = Script("gateway.keep", "redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2]) return {1}", _save)
"""One key; arguments: bytes, lifetime in milliseconds."""


def _find(values: Sequence[bytes | None], args: Sequence[Any], now: float) -> ScriptResult:
    # Any: unused
    return ScriptResult([None], [values[0]])


FIND = Script("gateway.look", "return {redis.call('GET', KEYS[1])}", _find)
"""One key. Returns its value."""
