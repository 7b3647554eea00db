"""What must hold of a deployment whatever happened: changes, views, records, outcome_counts and the model agree."""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Generic, NamedTuple, TypeVar

import numpy as np

from consumers.broker.consumer_lag import unsent_changes
from consumers.history.segment_changes_reader import ChangeLog
from events.time_units import DAY_MS
from events.topics.specs import SEGMENT_INPUTS
from state.customers.current_segment_keys import SegmentView
from state.customers.records import RECORD
from state.model.baselines import BaselineStore, ModelStore
from state.partitions.model_sums import ModelSums
from state.partitions.partition_store import PartitionStore
from state.store import keys
from stream.model.live_segmenter import LiveSegmenter
from tests.deployment import Deployment

HALF_LIFE_MS = 90.0 * DAY_MS
SEGMENTATION_FIELDS = ("cluster", "segment", "baseline", "change_number", "learned_at", "since", "earlier")
EVENT_FIELDS = tuple(name for name in RECORD.names if name not in SEGMENTATION_FIELDS)
"""The fields of a record that events alone determine, in whatever order they come."""

T = TypeVar("T")


class Written(NamedTuple, Generic[T]):
    """What Kafka was told, and what Redis held at that moment, by customer."""

    told: T
    records: dict[str, np.void]
    views: dict[str, SegmentView | None]


class Service(Deployment):
    """A deployment, and what must hold of it."""

    def moved_over(self, baseline: int) -> bool:
        """Whether every partition is completely under a baseline."""
        parts = ModelStore(self.redis).partition_sums(self.kafka.partitions)
        return bool(parts) and all(part.swept_baseline == part.baseline == baseline for part in parts)

    def model_is_current(self) -> bool:
        """Whether the published centroids are those of the sums, and every partition has moved over.

        A cluster that starves keeps its centroid, so its sums say nothing of it.
        """
        baseline, model = BaselineStore(self.redis).current(), ModelStore(self.redis).current()
        parts = ModelStore(self.redis).partition_sums(self.kafka.partitions)
        if baseline is None or model is None or any(part.swept_baseline != baseline.baseline for part in parts):
            return False
        total = sum((part.sums for part in parts[1:]), parts[0].sums)
        starving = {segment_id for beat in self.beats() for segment_id in beat.starving}
        lives = [each.segment_id not in starving for each in baseline.segments]
        centroids = np.array(model.centroids)
        return np.array_equal(total.means(otherwise=centroids)[lives], centroids[lives])

    def until_quiet(self, quiet_s: float = 1.5) -> None:
        """Wait until no customer has moved for a while (the sweep and the model may still follow each other).

        The while is counted in heartbeats too, about one a second: in it each worker that runs has told that often
        that it sweeps nothing and follows the newest model, however little of a core it was given.
        """
        last: object = None
        since, heard = 0.0, set[tuple[str, int]]()

        def quiet() -> bool:
            nonlocal last, since, heard
            if (beats := self.heard_from()) is None:
                return False
            model = ModelStore(self.redis).current()
            told = {beat.worker: (beat.partitions, beat.swept, beat.baseline, beat.model_version) for beat in beats}
            now = sum(_change_numbers(self.records()).values()), model and model.version, told
            if now != last:
                last, since, heard = now, time.monotonic(), set()
            heard |= {(beat.worker, beat.at_ms) for beat in beats}
            often = Counter(worker for worker, _ in heard)
            return time.monotonic() - since > quiet_s and all(often[beat.worker] > quiet_s for beat in beats)

        self.until(quiet, what="nobody moves")

    def at_one_moment(self, told: Callable[[], T]) -> Written[T]:
        """Return what was told, the records and the views as they were together: nobody moved while they were read.

        The model learns on after the last event, and customers at a border follow it whenever it has moved enough.
        """
        for _ in range(20):
            self.until(lambda: not unsent_changes(self.redis, self.kafka.partitions), what="all changes are sent")
            before = self.records()
            written = Written(told(), before, self.views(before))
            if _change_numbers(self.records()) == _change_numbers(before):
                return written
        raise AssertionError("customers moved in each of 20 times that all was read")

    def assert_changes_agree(self) -> ChangeLog:
        """The change log, folded, the views and the records tell the same segment for every customer."""
        self.until_quiet()
        self.assert_each_change_has_one_content()
        log, records, views = self.at_one_moment(self.changes)
        present = {name: change for name, change in log.latest.items() if change.merged_into is None}
        assert present.keys() == records.keys()
        for customer_id, change in present.items():
            view, row = views[customer_id], records[customer_id]
            assert (view.segment_id, view.change_id) == (change.segment_id, change.change_id)
            assert f"s{row['segment']}" == change.segment_id
            assert row["change_number"] == change.change_number
        return log

    def assert_each_change_has_one_content(self) -> None:
        """A change that goes out again has the bytes that it had."""
        contents: dict[bytes, bytes] = {}
        for value in self.read("segment-changes"):
            name = value.partition(b'"change_id":')[2].partition(b",")[0]
            assert not name or contents.setdefault(name, value) == value, (contents[name], value)

    def assert_outcomes_add_up(self, ends: Mapping[tuple[str, int], int]) -> dict[str, int]:
        """Every event that was consumed has one outcome."""
        outcome_counts = self.outcome_counts()
        for topic in SEGMENT_INPUTS:
            consumed = sum(end for (name, _), end in ends.items() if name == self.kafka.topic(topic))
            counted = sum(count for name, count in outcome_counts.items() if name.startswith(f"{topic}:"))
            assert counted == consumed, (topic, outcome_counts)
        return outcome_counts

    def assert_model_is_sum_of_customers(self) -> LiveSegmenter:
        """Invariant 12: sums, counts and centroids equal a recomputation from the records.

        Customers may still change their own cluster without a change of segment, so what was read counts only where
        the sums, which are saved together with the records, are the same before and after.
        """
        live = LiveSegmenter(self.redis, HALF_LIFE_MS)

        def unchanged() -> tuple[ModelSums, ModelSums] | None:
            live.refresh()
            before, recomputed, after = self._sums(live), self._recomputed(live), self._sums(live)
            same = all(np.array_equal(old, new) for old, new in zip(_parts(before), _parts(after), strict=True))
            return (before, recomputed) if same else None

        before, recomputed = self.until(unchanged, what="nobody learns while all records are read")
        for told, found in zip(_parts(before), _parts(recomputed), strict=True):
            np.testing.assert_array_equal(told, found)
        assert before.counts.sum() == len(self.records())
        return live

    def _sums(self, live: LiveSegmenter) -> ModelSums:
        none = ModelSums.zeros(len(live.segmenter.segments), live.segmenter.dimensions)
        return sum((part.sums for part in ModelStore(self.redis).partition_sums(self.kafka.partitions)), none)

    def _recomputed(self, live: LiveSegmenter) -> ModelSums:
        segmenter, store = live.segmenter, PartitionStore(self.redis, keys.SEGMENTS_GROUP)
        k = len(segmenter.segments)
        recomputed = ModelSums.zeros(k, segmenter.dimensions)
        for partition in range(self.kafka.partitions):
            _, batch = store.scan(partition, 0, 1_000_000)
            if len(batch):
                assert (batch.rows["baseline"] == segmenter.baseline).all()
                vectors = segmenter.vectors(batch.rows, batch.rows["learned_at"])
                recomputed = recomputed + ModelSums.of(vectors, batch.rows["cluster"].astype(np.int64), k)
        return recomputed


def _change_numbers(rows: Mapping[str, np.void]) -> dict[str, int]:
    return {customer_id: int(row["change_number"]) for customer_id, row in rows.items()}


def _parts(sums: ModelSums) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return sums.sums, sums.weights, sums.counts


def event_fields(rows: Mapping[str, np.void], names: Sequence[str] = EVENT_FIELDS) -> dict[str, bytes]:
    """Return the bits of each record that events determine."""
    return {customer_id: b"".join(row[name].tobytes() for name in names) for customer_id, row in rows.items()}


@contextmanager
def running(service: Service) -> Iterator[Service]:
    try:
        yield service
    finally:
        service.close()
