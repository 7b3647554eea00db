"""Whether Shoal ended in the right state. A run whose end state is wrong has no figures."""

from collections.abc import Iterator, Mapping

import numpy as np

from bench.job.fixed_job import PARTITIONS
from bench.job.servers import Run
from consumers.history.segment_changes_reader import read_changes
from events.arrays import Ints
from events.topics.partitioning import partitions_of
from state.customers.current_segment_keys import SegmentViews
from state.customers.records import CustomerBatch
from state.model.baselines import ModelStore
from state.partitions.model_sums import ModelSums
from state.partitions.partition_store import PartitionStore
from state.partitions.watermarks_and_outcomes import read_outcome_counts
from state.settings import StateSettings
from state.store import keys
from stream.model.segmenter import CentroidSegmenter
from stream.worker_wiring import half_life_ms

__all__ = ["EndStateWrong", "check_changes", "check_outcome_counts", "check_records", "check_sums", "customer_ids"]


_READINGS = 10
_CHUNK = 50_000


class EndStateWrong(AssertionError):
    """The state after a run is not what a plain replay gives: its figures do not count."""


def customer_ids(numbers: Ints) -> list[str]:
    """Return the customer ids of customer numbers.

    >>> customer_ids(np.array([7, 1_234_567]))
    ['c000007', 'c1234567']
    """
    return [f"c{number:06d}" for number in numbers.tolist()]


def check_outcome_counts(run: Run, applied: Mapping[str, int]) -> None:
    """Compare what became of the events (by topic, all of them valid and new). Raises EndStateWrong."""
    wanted = {f"{topic}:applied": count for topic, count in applied.items() if count}
    found = {
        name: count for name, count in read_outcome_counts(run.redis, PARTITIONS, keys.SEGMENTS_GROUP).items() if count
    }
    if found != wanted:
        raise EndStateWrong(f"the events' outcome_counts are {found}, expected {wanted}")


def check_records(run: Run, numbers: Ints, wanted: Mapping[str, Ints], customers: int) -> None:
    """Compare fields of the records of some customers, and the number of all of them. Raises EndStateWrong.

    `wanted` has by field the values (m,) of customer number 0 to m - 1, of which those at `numbers` are compared.
    """
    found = sum(PartitionStore(run.redis, keys.SEGMENTS_GROUP).size(partition) for partition in range(PARTITIONS))
    if found != customers:
        raise EndStateWrong(f"{found} customers, {customers} expected")
    for who, batch in _load(run, numbers):
        if not batch.known.all():
            raise EndStateWrong(f"{int((~batch.known).sum())} customers are missing, {batch.ids[0]} perhaps")
        for field, values in wanted.items():
            differ = np.flatnonzero(batch.rows[field] != values[who])
            if len(differ):
                i = int(differ[0])
                raise EndStateWrong(
                    f"{field} of {batch.ids[i]} is {batch.rows[field][i]}, a plain replay gives {values[who[i]]}; "
                    f"{len(differ)} customers differ"
                )


def check_sums(run: Run) -> None:
    """Compare the stored sums of the model with sums over all records: equal to the last bit. Raises EndStateWrong.

    A sweep may still move customers between clusters while the records are read, so what was read counts only where
    the sums, which are saved together with the records, are the same before and after.
    """
    segmenter = CentroidSegmenter(run.baseline, half_life_ms(StateSettings()))
    for _ in range(_READINGS):
        before, again, after = (
            _stored_sums(run, segmenter),
            _recomputed_sums(run, segmenter),
            _stored_sums(run, segmenter),
        )
        if _equal(before, after):
            break
    if not _equal(before, again):
        raise EndStateWrong(f"the model counts {before.counts.tolist()}, its customers {again.counts.tolist()}")


def _stored_sums(run: Run, segmenter: CentroidSegmenter) -> ModelSums:
    stored = ModelStore(run.redis).partition_sums(PARTITIONS)
    return sum((part.sums for part in stored), ModelSums.zeros(len(segmenter.segments), segmenter.dimensions))


def _recomputed_sums(run: Run, segmenter: CentroidSegmenter) -> ModelSums:
    store = PartitionStore(run.redis, keys.SEGMENTS_GROUP)
    again = ModelSums.zeros(len(segmenter.segments), segmenter.dimensions)
    for partition in range(PARTITIONS):
        cursor, seen = -1, set[str]()
        while cursor:
            cursor, batch = store.scan(partition, max(cursor, 0), _CHUNK)
            fresh = np.array([name not in seen for name in batch.ids], np.bool_)  # a scan may repeat customers
            seen.update(batch.ids)
            rows = batch.rows[fresh & (batch.rows["cluster"] >= 0)]
            again = again.plus(segmenter.vectors(rows, rows["learned_at"]), rows["cluster"].astype(np.int64))
    return again


def _equal(one: ModelSums, other: ModelSums) -> bool:
    return np.array_equal(one.counts, other.counts) and np.array_equal(one.sums, other.sums)


def check_changes(run: Run, numbers: Ints, *, complete: bool = True) -> int:
    """Compare the folded `segment-changes` with the records, and a hundredth of the views with both.

    Unless `complete`, customers may have got their segment before the run, and have no change in it. Returns the number
    of changes. Raises EndStateWrong.
    """
    log, views = read_changes(run.kafka), SegmentViews(run.redis)
    for _, batch in _load(run, numbers):
        told = batch.take(np.array([i for i, name in enumerate(batch.ids) if name in log.latest], np.int64))
        if complete and len(told) < len(batch):
            raise EndStateWrong(f"{len(batch) - len(told)} customers have a segment that no change told of")
        for name, segment in zip(told.ids, told.rows["segment"].tolist(), strict=True):
            if log.latest[name].segment_id != f"s{segment}":
                raise EndStateWrong(f"{name} is in s{segment}, its last change says {log.latest[name].segment_id}")
        for name, number in zip(batch.ids[::100], batch.rows["change_number"][::100].tolist(), strict=True):
            view = views.read(name)
            if view is None or view.change_id != f"{name}:{number}":
                raise EndStateWrong(f"segment:{name} is {view}, its record is at change {number}")
    return log.messages


def _load(run: Run, numbers: Ints) -> Iterator[tuple[Ints, CustomerBatch]]:
    """Yield customer numbers and their records, some tens of thousands at a time."""
    store = PartitionStore(run.redis, keys.SEGMENTS_GROUP)
    for start in range(0, len(numbers), _CHUNK):
        who = numbers[start : start + _CHUNK]
        names = customer_ids(who)
        homes = partitions_of(names, PARTITIONS)
        for partition in range(PARTITIONS):
            mine = np.flatnonzero(homes == partition)
            yield who[mine], store.load(partition, [names[i] for i in mine.tolist()])
