"""The sweep: re-evaluate the customers of a partition who are silent, because time, model or baseline moved."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from consumers.runtime.commit import SegmentCommitter
from consumers.runtime.partition_batch import SegmentResult
from events.arrays import Flags, Floats, Ints
from state.customers.attribute_columns import AttributeColumns
from state.customers.records import NEVER_LAST, CustomerBatch, Rows, copy_rows, take_rows
from state.partitions.partition_store import OwnedPartition, PartitionStore
from stream.customers.wall_or_event_time import SegmentClock
from stream.model.kmeans import OnlineKMeans, nearest
from stream.model.live_segmenter import LiveSegmenter, ModelFeed
from stream.model.segmenter import Segmenter
from stream.model.sweep_measurement import SweepCheck, SweepPass, SweepResult
from stream.moves.hysteresis import Hysteresis
from stream.moves.segmentation import (
    BaselineOutdated,
    SegmentationBatch,
    published_cluster,
    resegment,
    sums_for_baseline,
)
from stream.settings import StreamSettings
from stream.sweep.missing_views import MissingViews
from stream.sweep.silent_customers import SilentCustomers

__all__ = ["Sweeper"]


_PLACE = ("cluster", "segment", "baseline")
"""Fields of a record that say where the customer is."""
_BASELINE_S = 0.5
_BASELINE_SHARE = 0.5


@dataclass
class _Progress:
    """The state of a partition's sweep; `cursor` is None between sweeps. `began_ms` is the wall clock's.

    `check` is None where nobody can have moved since the sweep before, so that only views are looked at. `borders` are
    those at its start, `earlier` those of the sweep before.
    """

    due: float
    cursor: int | None = None
    began_ms: int = 0
    reassigned: int = 0
    baseline: int = -1
    swept_state: tuple[int, int, int] = (-1, -1, -1)
    check: SweepCheck | None = None
    borders: OnlineKMeans | None = None
    earlier: OnlineKMeans | None = None


class Sweeper:
    """Follows models and baselines, and sweeps the owned partitions, one chunk of customers at a time.

    Views that Redis has lost are put back on the way, also where nobody can have moved since the last sweep.
    A partition is swept every `sweep_s` seconds, and at once when a baseline goes live or when its sums are not yet
    complete under the live one. Between two chunks the runtime takes in a micro-batch, so events never wait long.
    """

    def __init__(
        self,
        store: PartitionStore,
        committer: SegmentCommitter,
        live: LiveSegmenter,
        feed: ModelFeed,
        clock: SegmentClock,
        settings: StreamSettings,
        *,
        columns: AttributeColumns | None = None,
        views: MissingViews | None = None,
        silent: SilentCustomers | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store, self._committer, self._live, self._feed = store, committer, live, feed
        self._clock, self._settings, self._hysteresis = clock, settings, Hysteresis.from_settings(settings)
        self._columns, self._views, self._silent, self._monotonic = columns, views, silent, monotonic
        self._progress: dict[int, _Progress] = {}
        self.customers_swept = 0
        self._results: dict[int, SweepResult] = {}
        self._passes: dict[int, SweepPass] = {}

    def claimed(self, owned: OwnedPartition) -> None:
        """Schedule the sweep of a partition that was just claimed; an interrupted change of baseline is continued."""
        if self._columns is not None:
            self._columns.reassert()
        if owned.baseline > self._live.segmenter.baseline:
            self._live.refresh()
            self._feed.poll(self._live, _BASELINE_S)
        if owned.baseline > self._live.segmenter.baseline:
            raise BaselineOutdated(owned.baseline, self._live.segmenter.baseline)
        self._progress[owned.partition] = _Progress(self._monotonic() + self._settings.sweep_s)
        self._passes.pop(owned.partition, None)

    def last_results(self, partitions: Iterable[int]) -> list[SweepResult]:
        """Return the results of the last sweep of each of these partitions under the live baseline."""
        found = [self._results[partition] for partition in partitions if partition in self._results]
        return [each for each in found if each.baseline == self._live.segmenter.baseline]

    def last_passes(self, partitions: Sequence[int]) -> SweepPass:
        """Return the last sweeps of these partitions as one; it began at 0 where one of them was not swept."""
        found = [self._passes.get(partition, SweepPass(0, 0)) for partition in partitions]
        return SweepPass(min((each.began_ms for each in found), default=0), sum(each.reassigned for each in found))

    def due(self, owned: Iterable[OwnedPartition]) -> float:
        """Follow the feed, and return the share of time for sweeping while events arrive, 0 where nothing is due.

        A new baseline may take half of it, since customers should not stay under two for long.
        """
        self._feed.poll(self._live)
        waiting = self._waiting(owned)
        if any(each.swept_baseline < self._live.segmenter.baseline for each in waiting):
            return _BASELINE_SHARE
        return self._settings.sweep_share if waiting else 0.0

    def _waiting(self, owned: Iterable[OwnedPartition]) -> list[OwnedPartition]:
        baseline, now = self._live.segmenter.baseline, self._monotonic()
        return [each for each in owned if each.swept_baseline < baseline or now >= self._progress[each.partition].due]

    def run(self, owned: Iterable[OwnedPartition]) -> bool:
        """Sweep one chunk of the partition that is most overdue; return whether one was due."""
        waiting = self._waiting(owned)
        if not waiting:
            return False
        baseline = self._live.segmenter.baseline
        chosen = min(waiting, key=lambda each: (each.swept_baseline >= baseline, self._progress[each.partition].due))
        return self._sweep_chunk(chosen, self._progress[chosen.partition])

    def _sweep_chunk(self, owned: OwnedPartition, progress: _Progress) -> bool:
        segmenter = self._live.segmenter
        if progress.cursor is None or progress.baseline != segmenter.baseline:
            self._begin(owned, progress, segmenter)
        cursor, customers = self._store.scan_prefetching(owned, progress.cursor or 0, self._settings.sweep_chunk)
        done = cursor == 0
        if self._silent is not None:
            self._silent.request_erasures(owned.partition, customers)
        if self._views is not None and self._views.put_back(owned, customers, segmenter) and progress.check is not None:
            progress.check.note_write(owned)
        if progress.check is not None:
            self._reevaluate(owned, customers, segmenter, progress, complete=done)
            self.customers_swept += len(customers)
        progress.cursor = None if done else cursor
        if done:
            progress.due = self._monotonic() + self._settings.sweep_s
            self._passes[owned.partition] = SweepPass(progress.began_ms, progress.reassigned)
            if progress.check is not None:
                self._results[owned.partition] = progress.check.finish(
                    owned, self._store.size(owned.partition), segmenter.borders_version
                )
        return True

    def _begin(self, owned: OwnedPartition, progress: _Progress, segmenter: Segmenter) -> None:
        state = (segmenter.baseline, segmenter.version, self._clock.now_ms(owned.watermark_ms))
        still = state == progress.swept_state and owned.swept_baseline == segmenter.baseline
        progress.cursor, progress.check = 0, None
        progress.began_ms, progress.reassigned = time.time_ns() // 1_000_000, 0
        if still:
            return
        progress.earlier = progress.borders if progress.baseline == segmenter.baseline else None
        progress.borders, progress.baseline, progress.swept_state = segmenter.border_model, segmenter.baseline, state
        progress.check = SweepCheck(
            owned,
            segmenter.baseline,
            segmenter.borders_version,
            d=segmenter.dimensions,
            staged=[each.stage is not None for each in segmenter.segments],
        )

    def _reevaluate(
        self,
        owned: OwnedPartition,
        customers: CustomerBatch,
        segmenter: Segmenter,
        progress: _Progress,
        *,
        complete: bool,
    ) -> None:
        check = progress.check
        now_ms = self._clock.now_ms(owned.watermark_ms)
        sums = sums_for_baseline(segmenter, owned.baseline, owned.sums)
        record = None if check is None else partial(check.add, owned)
        chosen, causes = self._select(customers, segmenter, now_ms, record, progress.earlier)
        finished = complete and owned.swept_baseline < segmenter.baseline
        if not len(chosen) and not finished:
            self._check_names(check, customers.rows, now_ms)
            return
        subset = customers.take(chosen)
        batch = SegmentationBatch(subset.ids, subset.rows, subset.rows, causes, now_ms)
        result = resegment(segmenter, self._hysteresis, batch, sums)
        progress.reassigned += _reassigned(customers.rows[chosen], result.rows)
        subset.rows = result.rows
        swept = segmenter.baseline if complete else None
        outcome = SegmentResult(subset, {}, segmenter.baseline, result.sums, result.changes, {}, swept)
        self._committer.commit(owned, outcome, {}, {}, owned.watermark_ms)
        self._committer.trim_outbox(owned)
        if check is not None:
            check.note_write(owned)
            rows = copy_rows(customers.rows)
            rows[chosen] = subset.rows
            self._check_names(check, rows, now_ms)

    def _check_names(self, check: SweepCheck | None, rows: Rows, now_ms: int) -> None:
        if check is not None:
            check.add_names(self._live.name_counts(rows, now_ms))

    def _select(
        self,
        customers: CustomerBatch,
        segmenter: Segmenter,
        now_ms: int,
        record: Callable[[Floats, Ints, Floats, Floats], None] | None = None,
        earlier: OnlineKMeans | None = None,
    ) -> tuple[Ints, npt.NDArray[np.object_]]:
        """Return which customers have to be written again, and for each the cause of a move.

        A customer is left as it is while its features moved less than the tolerance and it would stay where it is.
        The cause is `model` where the borders alone, with the features as last learned, would have moved it then, and
        time alone, with the `earlier` borders, those of the sweep before, would not move it now. `record` gets the
        vectors and own clusters of all, as they will be learned, and their distances to the centroids and the borders.
        """
        rows = customers.rows
        vectors = segmenter.vectors(rows, now_ms)
        distances = segmenter.distances(rows, vectors, now_ms)
        learned = segmenter.vectors(rows, rows["learned_at"])
        borders = segmenter.border_distances(vectors, distances)
        target = published_cluster(segmenter, borders, rows, now_ms, self._hysteresis)
        numbers = np.array([each.number for each in segmenter.segments])
        under = rows["baseline"] == segmenter.baseline
        stale = ~under | (nearest(distances) != rows["cluster"])
        stale |= _features_moved(vectors, learned, self._settings.learn_tolerance)
        stale |= (target >= 0) & (numbers[target] != rows["segment"])
        stale &= ~_without_events(rows)
        if record is not None:
            own = np.where(stale, nearest(distances), rows["cluster"])
            record(np.where(stale[:, None], vectors, learned), own, distances, borders)
        chosen = np.flatnonzero(stale)
        causes = np.full(len(chosen), "time", object)
        if len(chosen) and segmenter.dimensions:
            movers = _Movers(take_rows(rows, chosen), learned[chosen], vectors[chosen], target[chosen])
            causes[self._by_model(segmenter, movers, now_ms, earlier)] = "model"
        causes[~under[chosen]] = "baseline"
        return chosen, causes

    def _by_model(self, segmenter: Segmenter, movers: "_Movers", now_ms: int, earlier: OnlineKMeans | None) -> Flags:
        """Return which customers (n,) move because of the model."""
        rows, then = movers.rows, movers.rows["learned_at"]
        last = segmenter.border_distances(movers.learned, segmenter.distances(rows, movers.learned, then))
        by_model = published_cluster(segmenter, last, rows, then, self._hysteresis) == movers.target
        if earlier is None:
            return np.asarray(by_model)
        now = segmenter.distances(rows, movers.vectors, now_ms)
        before = segmenter.border_distances(movers.vectors, now, earlier)
        by_time = published_cluster(segmenter, before, rows, now_ms, self._hysteresis) == movers.target
        return np.asarray(by_model & ~by_time)


def _reassigned(before: Rows, after: Rows) -> int:
    """Return how many customers (n,) have another cluster or segment, or are under another baseline."""
    return int(np.count_nonzero(np.any([before[name] != after[name] for name in _PLACE], axis=0)))


@dataclass(frozen=True)
class _Movers:
    """Customers that a sweep writes again: rows (n,), vectors as last learned and now, target clusters (n,)."""

    rows: Rows
    learned: Floats
    vectors: Floats
    target: Ints


def _without_events(rows: Rows) -> Flags:
    """Return which records have a segment, restored from the published changes, but no events yet."""
    happened = rows["placed"] + rows["cancelled"] + rows["refunds"] + rows["sessions"] > 0
    return np.asarray((rows["segment"] > 0) & (rows["cluster"] < 0) & ~happened & (rows["profile_at"] == NEVER_LAST))


def _features_moved(vectors: Floats, learned: Floats, tolerance: float) -> Flags:
    """Return which customers' features moved by more than the tolerance, or appeared or vanished."""
    moved = np.abs(vectors - learned) > tolerance
    return np.asarray((moved | (np.isnan(vectors) != np.isnan(learned))).any(axis=1))
