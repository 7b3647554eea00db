"""A gap that was accepted, as JSON."""

from typing import Any

from events.codec.instants import rfc3339
from state.partitions.accepted_gaps import AcceptedGap

__all__ = ["accepted_gap_json"]


def accepted_gap_json(gap: AcceptedGap) -> dict[str, Any]:
    """Return a gap as JSON values: what is not read, from which offset to before which, since when, and by whom."""
    return {
        **gap.model_dump(include={"group", "topic", "partition", "reason", "by"}),
        "from": gap.from_offset,
        "to": gap.to_offset,
        "at": rfc3339(gap.at_ms),
    }
