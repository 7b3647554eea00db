"""Decides which merges hold: a customer is merged once, and never, by whatever way, into itself."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from consumers.inputs.identities import IdentityColumns

__all__ = ["IdentityDecisions", "decide_merges"]

Lookup = Callable[[Sequence[str]], Mapping[str, str]]
"""Returns, of these ids, those that are merged, each with the id that it was merged into."""


class IdentityDecisions(NamedTuple):
    """`merged` has by previous id the survivor; `refused` by position the reason; `repeated` counts what was known."""

    merged: dict[str, str]
    refused: dict[int, str]
    repeated: int


def decide_merges(events: IdentityColumns, merged_before: Lookup) -> IdentityDecisions:
    """Decide on merges (n,) one after the other, in the order of the topic.

    What is decided follows from the messages up to each alone, so that it is the same whenever it is decided again.
    """
    pairs = list(zip(map(str, events.previous_ids), map(str, events.customer_ids), strict=True))
    survivors = _chains([name for pair in pairs for name in pair], merged_before)
    decided = IdentityDecisions({}, {}, 0)
    repeated = 0
    for position, (previous, survivor) in enumerate(pairs):
        person, other = _person(survivors, previous), _person(survivors, survivor)
        if person == other and previous == person:
            decided.refused[position] = (
                f"previous_id: {previous!r} is the id of this person, since {survivor!r} was merged into it before; "
                "both directions cannot hold"
            )
        elif person == other:
            repeated += 1
        elif previous in survivors:
            decided.refused[position] = (
                f"previous_id: {previous!r} was merged into {survivors[previous]!r} before, and a customer is merged "
                f"once; if {person!r} and {other!r} are one person, say so with these two ids"
            )
        else:
            survivors[previous] = decided.merged[previous] = survivor
    return decided._replace(repeated=repeated)


def _chains(ids: Sequence[str], merged_before: Lookup) -> dict[str, str]:
    """Return, by id, what it was merged into, for these ids and all that they lead to."""
    found: dict[str, str] = {}
    wanted = dict.fromkeys(ids)
    asked: set[str] = set()
    while wanted:
        asked.update(wanted)
        more = merged_before(list(wanted))
        found.update(more)
        wanted = dict.fromkeys(name for name in more.values() if name not in asked)
    return found


def _person(survivors: Mapping[str, str], customer_id: str) -> str:
    """Return the id that events of a customer are counted under."""
    while customer_id in survivors:
        customer_id = survivors[customer_id]
    return customer_id
