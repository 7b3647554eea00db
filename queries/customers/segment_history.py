"""A customer's past segments: from its record at once, with causes from the published changes."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from events.codec.instants import rfc3339
from events.segment_changes import Change
from state.customers.recent_segments import earlier_segments
from state.customers.records import Rows
from stream.moves.explanation import explain_change

__all__ = ["changes_of", "history_of_merged", "segment_history", "with_changes"]


def segment_history(rows: Rows, names: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return the segments that one customer's record (1,) remembers, the present one first, as JSON values.

    `names` are by segment id. Causes are not in the record; `with_changes` adds them.
    """
    row = rows[0]
    if not row["segment"]:
        return []
    held = [(f"s{int(row['segment'])}", int(row["since"])), *earlier_segments(np.asarray(rows))[0]]
    newest = int(row["change_number"])
    return [
        {
            "change_number": newest - age,
            "segment_id": segment_id,
            "segment": names.get(segment_id, segment_id),
            "since": rfc3339(since),
            "cause": None,
            "explanation": None,
        }
        for age, (segment_id, since) in enumerate(held)
        if newest > age
    ]


def changes_of(customer_id: str, changes: Iterable[Change]) -> list[Change]:
    """Return those of the changes that are about one id."""
    return [each for each in changes if each.customer_id == customer_id]


def history_of_merged(ids: Sequence[str], changes: Sequence[Change]) -> list[dict[str, Any]]:
    """Return the published moves of ids that were merged into a customer, the newest first, each with its id.

    The last of an id is its merge: it ends the membership, so its segment is None.
    """
    entries = {
        (change.customer_id, change.change_number): {"customer_id": change.customer_id, **_entry(change)}
        for each in ids
        for change in changes_of(each, changes)
    }
    return sorted(entries.values(), key=lambda each: (each["since"], each["change_number"]), reverse=True)


def with_changes(history: Sequence[Mapping[str, Any]], changes: Sequence[Change]) -> list[dict[str, Any]]:
    """Return a history with what the customer's published changes tell, the newest first; repeats count once."""
    entries = {entry["change_number"]: dict(entry) for entry in history}
    newest = max(entries, default=0)
    for change in changes:
        if change.change_number > newest:  # published after the record was read
            continue
        entries[change.change_number] = _entry(change)
    return [entries[number] for number in sorted(entries, reverse=True)]


def _entry(change: Change) -> dict[str, Any]:
    return {
        "change_number": change.change_number,
        "segment_id": change.segment_id,
        "segment": change.segment,
        "since": change.changed_at,
        "cause": change.cause,
        "explanation": explain_change(change),
    }
