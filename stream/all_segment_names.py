"""What every segment is or was called: experiments keep the segment that a customer held when first exposed."""

import redis

from state.baselines import BaselineStore
from state.moves import NO_SEGMENT, UNKNOWN
from stream.inspect import segment_names

__all__ = ["all_segment_names"]


def all_segment_names(client: redis.Redis) -> dict[str, str]:
    """Return names by segment id, of the live baseline and of all that were live before; in four round trips.

    Also of what stands where a customer held no segment yet, or nobody knows which.
    """
    store = BaselineStore(client)
    names = {NO_SEGMENT: "no segment yet", UNKNOWN: "unknown", **segment_names(None)}
    live = store.current()
    for baseline in (*store.all(), *([live] if live else [])):
        if baseline.status in {"approved", "retired"}:
            names |= {each.segment_id: each.segment for each in baseline.segments}
    return names
