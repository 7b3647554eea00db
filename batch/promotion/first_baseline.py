"""Put the first baseline live, once enough customers with enough history exist."""

import logging
from dataclasses import dataclass
from datetime import UTC, datetime

import redis

from batch.candidate import Candidate, build_candidate
from batch.data.customer_reader import CustomerReader
from batch.data.customer_table import CustomerTable
from batch.errors import FeatureMissing, NoCandidate, TooFewCustomers
from batch.fit_options import FitOptions
from batch.promotion.decisions import Decision
from batch.rebaseline import LiveModel, build_proposal, customer_chunks, largest_segment_number
from batch.settings import BatchSettings
from consumers.broker.kafka_sink import KafkaSink
from events.schema.outputs import Baseline
from events.settings import KafkaSettings
from state.customers.attribute_columns import stored_attributes
from state.model.baselines import BaselineStore, ModelStore
from state.operations.skipped_messages import SkippedMessages
from stream.customers.wall_or_event_time import SegmentClock
from stream.model.baseline_zero import RfmTiers
from stream.model.live_segmenter import LiveSegmenter, ModelFeed
from stream.moves.hysteresis import Hysteresis

__all__ = ["FirstBaseline", "Readiness"]

log = logging.getLogger(__name__)

_TOPIC_S = 1.0


@dataclass(frozen=True)
class Readiness:
    """Whether a first baseline can be fitted, and what is still missing."""

    customers: int
    ready: bool
    reason: str


class FirstBaseline:
    """Fits and publishes baseline 1. Every step may be repeated: a crash in between leaves nothing inconsistent."""

    def __init__(
        self,
        client: redis.Redis,
        sink: KafkaSink,
        settings: BatchSettings,
        clock: SegmentClock,
        *,
        kafka: KafkaSettings,
        half_life_ms: float,
        hysteresis: Hysteresis | None = None,
    ) -> None:
        self._client, self._sink, self._settings, self._clock = client, sink, settings, clock
        self._kafka, self._partitions, self._half_life_ms = kafka, kafka.partitions, half_life_ms
        self._hysteresis = hysteresis or Hysteresis()
        self._baselines = BaselineStore(client)
        self._skipped = SkippedMessages(client)
        self._announced = False

    def run_once(self) -> tuple[Baseline | None, Readiness]:
        """Publish the live baseline again, or fit the first; return it, or None with what is missing."""
        current = self._baselines.current()
        if current is not None:
            if not self._announced:
                self._announce(current)  # a crash may have come between Redis and Kafka
            return current, Readiness(0, ready=True, reason=f"baseline {current.baseline} is live")
        customers = sum(ModelStore(self._client).customers(self._partitions))
        if customers and (published := self._published()) is not None:
            self.publish(published)
            return published, Readiness(customers, ready=True, reason=f"baseline {published.baseline} is live again")
        needed = self._settings.first_customers
        if customers < needed:
            return None, Readiness(customers, ready=False, reason=f"{customers:,} customers, {needed:,} needed")
        return self._fit(customers)

    def _fit(self, customers: int) -> tuple[Baseline | None, Readiness]:
        settings = self._settings
        reader = CustomerReader(
            self._client,
            self._clock,
            partitions=self._partitions,
            half_life_ms=self._half_life_ms,
            attributes=stored_attributes(self._client),
        )
        table = reader.table(settings.sample_customers, settings.seed)
        if table.history_days < settings.first_history_days:
            reason = f"{table.history_days:.0f} days of history, {settings.first_history_days:g} needed"
            return None, Readiness(customers, ready=False, reason=reason)
        options = FitOptions(
            tuple(settings.features), k=settings.k, algorithms=("k-means",), lifecycle=settings.lifecycle
        )
        now = datetime.now(UTC)
        try:
            candidate = build_candidate(table, options, number=1, seed=settings.seed, now=now)
        except (TooFewCustomers, FeatureMissing, NoCandidate) as error:
            return None, Readiness(customers, ready=False, reason=str(error))
        baseline = self._proposed(table, candidate, reader)
        decision = Decision("shoal", now, "the first baseline, once there were enough customers")
        self.publish(baseline.model_copy(update=decision.fields("approved")))
        return baseline, Readiness(customers, ready=True, reason=f"baseline {baseline.baseline} is live")

    def _proposed(self, table: CustomerTable, candidate: Candidate, reader: CustomerReader) -> Baseline:
        """Store the baseline as proposed, with its report, as every later one is."""
        tiers = LiveModel(None, RfmTiers(self._half_life_ms))
        proposal = build_proposal(
            table,
            candidate,
            tiers,
            customer_chunks(table, reader),
            last_number=largest_segment_number(self._baselines.all()),
            hysteresis=self._hysteresis,
            by="shoal",
        )
        number = self._baselines.next_number()
        baseline = proposal.baseline.model_copy(update={"baseline": number})
        self._baselines.propose(baseline, proposal.report)
        return baseline

    def _published(self) -> Baseline | None:
        """Return the newest baseline that the topic holds: Redis may have lost it, while workers still follow it."""
        live, feed = LiveSegmenter(self._client, self._half_life_ms), ModelFeed(self._kafka, self._skipped.add)
        try:
            feed.read_all(live, _TOPIC_S)
        finally:
            feed.close()
        return live.baseline

    def publish(self, baseline: Baseline) -> None:
        """Make a baseline the live one: in Redis, where starting workers look, then on Kafka for the running ones."""
        self._baselines.approve(baseline)
        self._announce(baseline)
        log.info("baseline %d: k = %d, silhouette %s", baseline.baseline, baseline.k, baseline.silhouette)

    def _announce(self, baseline: Baseline) -> None:
        self._sink.send("baselines", str(baseline.baseline).encode(), baseline.model_dump_json().encode())
        self._sink.flush()
        self._announced = True
