"""The audit log's chain: each entry has a number and a hash over itself and the hash before, so that a gap shows."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import redis

__all__ = ["AuditCheck", "append_arguments", "check_chain"]

STREAM: Final = "audit"
CHAIN: Final = "audit:chain"
"""Hash: the number and the hash of the last entry."""
_PAGE: Final = 1_000
_LINKS: Final = ("number", "chain")
# KEYS stream, chain; ARGV the id before which entries are dropped, then names and values of the entry's fields.
# Redis has SHA-1 only; to put another entry in the place of one takes a second preimage, which SHA-1 withstands.
_APPEND: Final = """
local last = redis.call('HMGET', KEYS[2], 'number', 'chain')
local number, parts = (tonumber(last[1]) or 0) + 1, {last[2] or ''}
for i = 2, #ARGV do parts[#parts + 1] = string.len(ARGV[i]) .. ':' .. ARGV[i] end
parts[#parts + 1] = tostring(number)
local chain = redis.sha1hex(table.concat(parts))
redis.call('XADD', KEYS[1], 'MINID', '~', ARGV[1], '*', 'number', number, 'chain', chain, unpack(ARGV, 2))
redis.call('HSET', KEYS[2], 'number', number, 'chain', chain)
return number
"""


class AuditCheck(NamedTuple):
    """How many entries have a link, and what is wrong, in words."""

    entries: int
    problems: list[str]


def append_arguments(fields: Mapping[str, str], oldest: str) -> Sequence[Any]:
    """Return the arguments of EVAL that adds an entry and its link in one step."""
    return (_APPEND, 2, STREAM, CHAIN, oldest, *(part for pair in fields.items() for part in pair))


def check_chain(client: redis.Redis) -> AuditCheck:
    """Compare each entry with the one before it, and the last one with what was noted of it.

    The first entry is believed: those before it were dropped for their age. Entries of releases before there was a
    chain have no link, and come first.
    """
    store: Any = client
    noted = {name.decode(): value.decode() for name, value in store.hgetall(CHAIN).items()}
    found, problems = 0, list[str]()
    number, chain = 0, ""
    for name, fields in _entries(store):
        link, own = {each: fields.get(each, "") for each in _LINKS}, _content(fields)
        if not link["number"]:
            if found:
                problems.append(f"the entry {name} has no link")
            continue
        if found and int(link["number"]) != number + 1:
            problems.append(f"between entries {number} and {link['number']} there are entries missing")
        elif found and link["chain"] != _hash(chain, own, int(link["number"])):
            problems.append(f"entry {link['number']} ({name}) is not as it was written")
        found, number, chain = found + 1, int(link["number"]), link["chain"]
    if noted and (str(number), chain) != (noted.get("number"), noted.get("chain")):
        problems.append(f"the last entry is number {number}, and number {noted.get('number')} was written")
    return AuditCheck(found, problems)


def _entries(store: Any) -> Iterable[tuple[str, dict[str, str]]]:
    start = "-"
    while page := store.xrange(STREAM, min=start, count=_PAGE):
        for name, fields in page:
            yield name.decode(), {field.decode(): value.decode() for field, value in fields.items()}
        start = f"({page[-1][0].decode()}"


def _content(fields: Mapping[str, str]) -> list[str]:
    return [part for name, value in fields.items() if name not in _LINKS for part in (name, value)]


def _hash(before: str, content: Sequence[str], number: int) -> str:
    parts = [before, *(f"{len(each.encode())}:{each}" for each in content), str(number)]
    return hashlib.sha1("".join(parts).encode(), usedforsecurity=False).hexdigest()
