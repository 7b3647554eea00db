"""What segments are called."""

import redis

from state.baselines import BaselineStore
from state.moves import NO_SEGMENT, UNKNOWN
from stream.tiers import SEGMENT_NAMES

__all__ = ["segment_names"]


def segment_names(client: redis.Redis) -> dict[str, str]:
    """Return the names of the segments by id: the tiers, the live baseline's, and what stands where there was none."""
    baseline = BaselineStore(client).current()
    return {
        NO_SEGMENT: "no segment yet",
        UNKNOWN: "unknown",
        **{f"s{place + 1}": name for place, name in enumerate(SEGMENT_NAMES)},
        **({each.segment_id: each.segment for each in baseline.segments} if baseline else {}),
    }
