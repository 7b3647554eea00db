"""What happens to a partition's customers when events arrive: fold, then move."""

import numpy as np
import numpy.typing as npt

from consumers.columns import Columns
from consumers.customers import ProfileColumns
from consumers.duplicates import first_occurrences, remember
from consumers.orders import PLACED, OrderColumns
from consumers.partition_batch import Outcome
from state.partition_store import Owned
from state.records import CustomerBatch, Rows
from stream.fold import fold, merge
from stream.live import LiveSegmenter
from stream.segmentation import resegment, sums_under

__all__ = ["SegmentHandler"]

Ints = npt.NDArray[np.int64]


class SegmentHandler:
    """Folds a micro-batch into records and re-evaluates the customers that it touched."""

    def __init__(self, live: LiveSegmenter, *, half_life_ms: float, hysteresis: float, duplicate_window: int) -> None:
        self._live = live
        self._half_life_ms = half_life_ms
        self._hysteresis = hysteresis
        self._window = duplicate_window

    def apply(
        self, owned: Owned, customers: CustomerBatch, events: dict[str, Columns], slots: dict[str, Ints], now_ms: int
    ) -> Outcome:
        """Return what the events (by topic, with the positions of their customers) change at `now_ms`."""
        n = len(customers)
        before, after = customers.rows, customers.rows
        duplicates: dict[str, int] = {}
        profiles: dict[str, bytes] = {}
        active, corrected = np.zeros(n, np.bool_), np.zeros(n, np.bool_)
        for topic, columns in events.items():
            fresh = first_occurrences(customers, slots[topic], columns.event_hashes)
            duplicates[topic] = int((~fresh).sum())
            kept = columns if fresh.all() else columns.take(np.flatnonzero(fresh))
            owners = slots[topic][fresh]
            after = merge(after, fold(kept, owners, n, self._half_life_ms))
            customers.recent, customers.starts = remember(customers, owners, kept.event_hashes, self._window)
            acts = _activity(kept)
            active[owners[acts]], corrected[owners[~acts]] = True, True
            if isinstance(kept, ProfileColumns):
                profiles |= _newest_documents(customers, kept, owners, after)
        segmenter = self._live.segmenter
        # A customer of whom only repeats came may still move, because time has passed since it was last looked at.
        causes = np.select([active, corrected], ["activity", "correction"], "time").astype(object)
        causes[(before["baseline"] != segmenter.baseline) & (before["segment"] > 0)] = "baseline"
        result = resegment(
            segmenter,
            sums_under(segmenter, owned.baseline, owned.sums),
            customers.ids,
            before,
            after,
            now_ms,
            self._hysteresis,
            causes,
        )
        customers.rows = result.rows
        return Outcome(customers, profiles, segmenter.baseline, result.sums, result.changes, duplicates)


def _activity(columns: Columns) -> npt.NDArray[np.bool_]:
    """Return which events are something that a customer did, rather than an order taken back."""
    if isinstance(columns, OrderColumns):
        return np.asarray(columns.kinds == PLACED)
    return np.ones(len(columns), np.bool_)


def _newest_documents(
    customers: CustomerBatch, profiles: ProfileColumns, owners: Ints, after: Rows
) -> dict[str, bytes]:
    """Return the JSON of the profiles in this batch that are now their customers' newest."""
    newest = after["profile_event"][owners] == profiles.event_hashes
    return {customers.ids[owners[i]]: profiles.documents[i] for i in np.flatnonzero(newest).tolist()}
