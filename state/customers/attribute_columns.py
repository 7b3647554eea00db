"""Which numeric profile attributes have a column in the records: declared in the settings, or the first that came."""

import json
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import redis

from state.customers.records import PROFILE_NUMBERS
from state.store import keys
from state.store.format_settings import FormatMismatch

__all__ = ["ATTRIBUTES", "ATTRIBUTE_COLUMNS", "AttributeColumns", "stored_attributes"]

ATTRIBUTES: Final = "attributes"
"""The field of the `format` hash: a JSON list of the names, in the order of their columns."""
ATTRIBUTE_COLUMNS: Final = PROFILE_NUMBERS - 2
"""Columns beside age and income."""
_NAME: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}")

# The list only grows: a name keeps its column, whichever worker saw it first.
_ADOPT: Final = """
local stored = redis.call('HGET', KEYS[1], ARGV[1])
local names = stored and cjson.decode(stored) or {}
local known = cjson.decode(ARGV[2])
if stored and ARGV[5] == 'fixed' and #names ~= #known then return stored end
for i, name in ipairs(known) do
  if names[i] and names[i] ~= name then return stored end
end
for i, name in ipairs(known) do names[i] = name end
for _, name in ipairs(cjson.decode(ARGV[3])) do
  local there = false
  for _, other in ipairs(names) do there = there or other == name end
  if not there and #names < tonumber(ARGV[4]) then names[#names + 1] = name end
end
local text = #names > 0 and cjson.encode(names) or '[]'
if text ~= stored then redis.call('HSET', KEYS[1], ARGV[1], text) end
return text
"""


def stored_attributes(client: redis.Redis) -> tuple[str, ...]:
    """Return the names of the attributes that have a column, in the order of the columns."""
    store: Any = client
    value = store.hget(keys.FORMAT, ATTRIBUTES)
    return tuple(json.loads(value)) if value else ()


class AttributeColumns:
    """Gives numeric attributes of profiles their columns in the records.

    With `declared` names, exactly those have one, in that order. Without, the first names that come with a number
    take the free columns, the same for all workers: Redis decides which came first. `excluded` names never get one.

    Raises FormatMismatch where the data in Redis was written with other columns.
    """

    def __init__(self, client: redis.Redis, declared: Sequence[str] = (), excluded: Iterable[str] = ()) -> None:
        self._adopt: Callable[..., Any] = client.register_script(_ADOPT)
        self._open = not declared
        self._excluded = set(excluded)
        self.names: tuple[str, ...] = ()
        self._agree(declared)

    def _agree(self, wanted: Sequence[str]) -> None:
        known = list(wanted) if not self._open else list(self.names)
        offered = list(wanted) if self._open else []
        lists = (json.dumps(known), json.dumps(offered))
        mode = "open" if self._open else "fixed"
        value = self._adopt(keys=[keys.FORMAT], args=[ATTRIBUTES, *lists, ATTRIBUTE_COLUMNS, mode])
        stored = tuple(json.loads(value))
        if stored[: len(known)] != tuple(known) or (not self._open and stored != tuple(known)):
            raise FormatMismatch(ATTRIBUTES, json.dumps(known), json.dumps(list(stored)))
        self.names = stored

    def reassert(self) -> None:
        """Tell Redis again which columns are in use: it may have been restored from a backup. Raises FormatMismatch."""
        self._agree(self.names)

    def register(self, attributes: dict[str, Any]) -> None:
        """Give a column to the numbers among a profile's attributes that have none, while columns are free."""
        if not self._open or len(self.names) >= ATTRIBUTE_COLUMNS:
            return
        new = [
            name
            for name, value in attributes.items()
            if name not in self.names
            and name not in self._excluded
            and isinstance(value, int | float)
            and not isinstance(value, bool)
        ]
        if not new:
            return
        self._excluded.update(name for name in new if not _NAME.fullmatch(name))
        if fit := [name for name in new if _NAME.fullmatch(name)]:
            self._agree(fit)
