"""The segment worker's own parts on a real Redis, fed a log day by day on the log's own clock, without Kafka.

Handler, store, commit, sweep, leader and follower are those of `shoal worker`; only the topics are left out. A day is
one micro-batch, then a sweep of everyone, then a new version of the model, which the next day is segmented by.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import redis

from bench.quality.data.order_logs import OrderLog
from consumers.runtime.commit import SegmentCommitter
from consumers.runtime.lane_processing import OwnedBatch, Processing
from consumers.runtime.merge_routing import MergeRouting
from consumers.runtime.partition_batch import PartitionBatch, TopicEvents
from events.schema.outputs import Baseline
from events.segment_changes import Change, decode_change
from events.settings import KafkaSettings
from events.topics.partitioning import partitions_of
from state.customers.current_segment_keys import SegmentViews
from state.customers.merged_customers import MergedCustomers
from state.customers.records import CustomerBatch, Rows
from state.model.baselines import BaselineStore, ModelStore
from state.partitions.partition_store import PartitionStore
from state.settings import StateSettings
from state.store import keys
from stream.model.border_update_policy import BorderPolicy, cost_of_sweeps
from stream.model.live_segmenter import LiveSegmenter
from stream.model.model_publisher import ModelPublisher
from stream.model.segmenter import CentroidSegmenter
from stream.moves.handler import SegmentHandler
from stream.moves.hysteresis import Hysteresis
from stream.settings import StreamSettings
from stream.sweep.sweeper import Sweeper
from stream.worker_wiring import half_life_ms

__all__ = ["HALF_LIFE_MS", "Service"]

PARTITIONS = 2
HALF_LIFE_MS = half_life_ms(StateSettings())


class DayClock:
    """Now, as the log has it."""

    now = 0

    def now_ms(self, _watermark_ms: int, _wall_ms: int = 0) -> int:
        """Return it."""
        return self.now


class ChangeLog:
    """Takes what is published: keeps the segment changes, and acknowledges at once."""

    def __init__(self) -> None:
        self.changes: list[Change] = []

    def send(self, _topic: str, _key: bytes | None, _value: bytes, _partition: int = -1) -> None:
        """Forget a message of another topic."""

    def send_all(self, _topic: str, _keys: Sequence[str], values: Sequence[bytes]) -> None:
        """Keep segment changes."""
        self.changes += [decode_change(value) for value in values]

    def flush(self) -> None:
        """Have nothing left to send."""


class _NoFeed:
    def poll(self, _live: LiveSegmenter, _timeout_s: float = 0.0) -> bool:
        return False


class Service:
    """A worker's parts around one Redis database, which is emptied first; `rule` says what feeds the sums."""

    def __init__(
        self,
        client: redis.Redis,
        stream: StreamSettings | None = None,
        *,
        frozen: bool = False,
        rule: type[CentroidSegmenter] = CentroidSegmenter,
    ) -> None:
        client.flushdb()
        self._frozen, self._rule = frozen, rule
        # Always due: a sweep is asked for by the day, not by the wall clock.
        settings = (stream or StreamSettings()).model_copy(update={"sweep_s": 0.0, "sweep_chunk": 100_000})
        self.store = PartitionStore(client, keys.SEGMENTS_GROUP)
        self.log, self.clock = ChangeLog(), DayClock()
        sink: Any = self.log
        kafka, merged = KafkaSettings(partitions=PARTITIONS), MergedCustomers(client, keys.SEGMENTS_GROUP, PARTITIONS)
        committer = SegmentCommitter(self.store, SegmentViews(client), sink)
        self.live = LiveSegmenter(client, HALF_LIFE_MS)
        feed: Any = _NoFeed()
        clock: Any = self.clock
        self.sweeper = Sweeper(self.store, committer, self.live, feed, clock, settings)
        handler = SegmentHandler(
            self.live, half_life_ms=HALF_LIFE_MS, hysteresis=Hysteresis.from_settings(settings), duplicate_window=256
        )
        self._process = Processing(
            kafka,
            lambda wanted: self.store.open_all(
                [(each.owned, each.ids) for each in wanted], [each.batch.customers_of("customers") for each in wanted]
            ),
            [committer],
            handler,
            clock,
            MergeRouting(keys.SEGMENTS_GROUP, merged),
        )
        self._baselines = BaselineStore(client)
        self.leader = self._publisher(client, sink, settings)
        self._owned = [self.store.claim(partition) for partition in range(PARTITIONS)]
        for each in self._owned:
            self.sweeper.claimed(each)

    def _publisher(self, client: redis.Redis, sink: Any, settings: StreamSettings) -> ModelPublisher:
        borders = BorderPolicy(
            settings.border_tolerance,
            lambda *which: cost_of_sweeps(self.sweeper.last_results(range(PARTITIONS)), *which),
        )
        return ModelPublisher(
            self._baselines,
            ModelStore(client),
            sink,
            PARTITIONS,
            self.live,
            starving_share=settings.starving_share,
            borders=borders,
        )

    def day(self, end_ms: int, orders: OrderLog, *, sweep: bool = True) -> None:
        """Take in the orders of a day, then sweep and publish the model at its end."""
        self.clock.now = end_ms
        if len(orders):
            self._take_in(orders)
        if sweep:
            self.sweep()
            self.lead()

    def sweep(self) -> None:
        """Re-evaluate every customer."""
        while self.sweeper.run(self._owned):
            pass

    def lead(self) -> None:
        """Publish the model, and follow it; a frozen service keeps to the baseline's centroids."""
        if self._frozen:
            return
        model = self.leader.publish()
        if model is not None:
            self.live.follow_model(model)

    def excess(self) -> float:
        """Return by which share the borders were worse than the centroids in the last sweep."""
        segmenter = self.live.segmenter
        return cost_of_sweeps(
            self.sweeper.last_results(range(PARTITIONS)), segmenter.baseline, segmenter.borders_version
        ).excess

    def approve(self, baseline: Baseline) -> None:
        """Put a baseline live, and move everyone over."""
        self._baselines.approve(baseline)
        self.live.follow_baseline(baseline)
        self.live.segmenter = self._rule(baseline, HALF_LIFE_MS)
        self.sweep()
        self.lead()

    def customers(self) -> CustomerBatch:
        """Return all records, in the order of their ids."""
        found: dict[str, Rows] = {}
        for owned in self._owned:
            cursor = 0
            while True:
                cursor, batch = self.store.scan(owned.partition, cursor, 10_000)
                found.update(zip(batch.ids, batch.rows, strict=True))
                if cursor == 0:
                    break
        ids = sorted(found)
        batch = CustomerBatch.blank(ids)
        batch.rows = np.array([found[name] for name in ids], batch.rows.dtype)
        return batch

    def _take_in(self, orders: OrderLog) -> None:
        homes = partitions_of(list(orders.columns.customer_ids), PARTITIONS)
        job = []
        for owned in self._owned:
            mine = np.flatnonzero(homes == owned.partition)
            if len(mine):
                messages: Any = None  # only what has to go to another partition is looked up in them
                part = TopicEvents(orders.columns.take(mine), messages, mine)
                job.append(OwnedBatch(owned, PartitionBatch(owned.partition, {"orders": part}), []))
        self._process(0, job)
