"""Process a micro-batch: fold its events into the customers' records, then re-evaluate their segments."""

from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate

import numpy as np

from consumers.inputs.columns import Columns
from consumers.merges.handing_over import one_by_one
from consumers.runtime.partition_batch import DECISIONS, HANDOVERS, SegmentResult
from consumers.runtime.protocols import Loaded
from events.arrays import Flags, Ints
from state.customers.records import CustomerBatch, Rows, unpack
from stream.customers.fold import Fold, Folded, merge
from stream.customers.outcomes import NAMES, UNMATCHED
from stream.model.live_segmenter import LiveSegmenter
from stream.moves.hysteresis import Hysteresis
from stream.moves.merged_departures import PROFILE_PART, RECORD_PART, with_departures
from stream.moves.segmentation import SegmentationBatch, resegment_partitions, sums_for_baseline
from stream.people.combine_customers import combine_customers

__all__ = ["SegmentHandler"]


_NOBODY = np.zeros(0, np.int64)
_CAUSES = np.array(["time", "correction", "activity"], object)
"""Strings that all customers share: creating them for each took 5% of a batch's time."""
_JOINED_CUSTOMERS = 4_000
"""Customers up to which partitions are processed together: above, copying rows costs more than array operations."""


class SegmentHandler:
    """Folds a micro-batch into records and re-evaluates the customers that it touched."""

    def __init__(
        self,
        live: LiveSegmenter,
        *,
        half_life_ms: float,
        hysteresis: Hysteresis,
        duplicate_window: int,
        order_window: int = 256,
        session_window: int = 64,
        attributes: Callable[[], Sequence[str]] = tuple,
    ) -> None:
        self._live, self._hysteresis = live, hysteresis
        self._fold = Fold(half_life_ms, order_window, session_window, duplicate_window, attributes)

    def apply(self, loaded: Sequence[Loaded[CustomerBatch]]) -> list[SegmentResult]:
        """Return what the events change, partition by partition.

        A small batch's time depends on the number of array operations, so small partitions are processed together.
        """
        alike = len({each.now_ms for each in loaded}) == 1
        if alike and sum(len(each.customers) for each in loaded) <= _JOINED_CUSTOMERS:
            return self._apply(loaded)
        return [outcome for each in loaded for outcome in self._apply([each])]

    def _apply(self, loaded: Sequence[Loaded[CustomerBatch]]) -> list[SegmentResult]:
        sizes = [len(each.customers) for each in loaded]
        starts = [0, *accumulate(sizes)]
        customers = CustomerBatch.joined([each.customers for each in loaded])
        n = len(customers)
        before, after = customers.rows, customers.rows
        others: list[dict[str, dict[str, int]]] = [{} for _ in loaded]
        active, corrected = np.zeros(n, np.bool_), np.zeros(n, np.bool_)
        merged = np.zeros(n, np.bool_)
        if any(each.merges.handovers for each in loaded):
            after, merged = self._absorb(customers, loaded, starts, others)
        for topic in dict.fromkeys(topic for each in loaded for topic in each.events):
            columns, slots, lengths = _joined_events(loaded, topic, starts)
            folded = self._fold(customers, columns, slots)
            after = merge(after, folded.rows)
            active |= folded.active
            corrected |= folded.corrected
            for place, counts in enumerate(_not_applied(folded, lengths, starts)):
                _add(others[place], topic, counts)
        segmenter = self._live.segmenter
        # A customer with duplicates only may still move, because time has passed since it was last evaluated.
        causes = _CAUSES[np.where(active, 2, corrected)]
        causes[merged] = "merge"
        causes[(before["baseline"] != segmenter.baseline) & (before["segment"] > 0)] = "baseline"
        results = resegment_partitions(
            segmenter,
            self._hysteresis,
            SegmentationBatch(customers.ids, before, after, causes, loaded[0].now_ms),
            [sums_for_baseline(segmenter, each.owned.baseline, each.owned.sums) for each in loaded],
            sizes,
        )
        outcomes = []
        for place, result in enumerate(results):
            part = customers.part(starts[place], starts[place + 1])
            part.rows = result.rows
            profiles = {part.ids[at]: document for at, document in part.profiles.items()}
            made = SegmentResult(part, profiles, segmenter.baseline, result.sums, result.changes, others[place])
            each, leaving = loaded[place], loaded[place].slots.get(DECISIONS, _NOBODY)
            outcomes.append(with_departures(segmenter, made, each.merges, leaving, part.profiles, each.now_ms))
        return outcomes

    def _absorb(
        self,
        customers: CustomerBatch,
        loaded: Sequence[Loaded[CustomerBatch]],
        starts: Sequence[int],
        others: Sequence[dict[str, dict[str, int]]],
    ) -> tuple[Rows, Flags]:
        """Take the records in that were handed over, and return the rows (n,) with them, and whose they are (n,)."""
        rows, merged = customers.rows, np.zeros(len(customers), np.bool_)
        for place, each in enumerate(loaded):
            slots = each.slots.get(HANDOVERS, _NOBODY) + starts[place]
            for chosen in one_by_one(slots):
                handovers = [each.merges.handovers[i] for i in chosen.tolist()]
                incoming = unpack([one.customer_id for one in handovers], [one.parts[RECORD_PART] for one in handovers])
                profiles = {i: one.parts[PROFILE_PART] for i, one in enumerate(handovers) if PROFILE_PART in one.parts}
                combined = combine_customers(customers, incoming, slots[chosen], profiles, self._fold)
                rows = merge(rows, combined.rows)
                merged[slots[chosen]] = True
                if found := int(combined.matched.sum()):
                    _add(others[place], "orders", {"unmatched": -found})
        return rows, merged


def _add(outcome_counts: dict[str, dict[str, int]], topic: str, counts: Mapping[str, int]) -> None:
    mine = outcome_counts.setdefault(topic, {})
    for outcome, count in counts.items():
        mine[outcome] = mine.get(outcome, 0) + count


def _joined_events(
    loaded: Sequence[Loaded[CustomerBatch]], topic: str, starts: Sequence[int]
) -> tuple[Columns, Ints, list[int]]:
    """Return a topic's events of all partitions, the positions of their customers, and how many each partition has."""
    having = [(each, start) for each, start in zip(loaded, starts, strict=False) if topic in each.events]
    columns = [each.events[topic] for each, _ in having]
    slots = [each.slots[topic] + start if start else each.slots[topic] for each, start in having]
    lengths = [len(each.events[topic]) if topic in each.events else 0 for each in loaded]
    return type(columns[0]).joined(columns), slots[0] if len(slots) == 1 else np.concatenate(slots), lengths


def _not_applied(folded: Folded, lengths: Sequence[int], starts: Sequence[int]) -> list[dict[str, int]]:
    """Return, for each partition, how many events met which other outcome than to be applied.

    Events of earlier batches that are not unmatched any more are taken off.
    """
    if not folded.outcomes.any() and (folded.matched is None or not folded.matched.any()):
        return [{} for _ in lengths]
    found = []
    for place, end in enumerate(accumulate(lengths)):
        counts = np.bincount(folded.outcomes[end - lengths[place] : end], minlength=len(NAMES))
        if folded.matched is not None:
            counts[UNMATCHED] -= folded.matched[starts[place] : starts[place + 1]].sum()
        found.append({NAMES[i]: count for i, count in enumerate(counts.tolist()) if i and count})
    return found
