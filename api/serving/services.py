"""The dependencies of endpoints and pages: one object per process, opened at startup and closed at shutdown."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import redis
from starlette.concurrency import run_in_threadpool

from api.access.customer_access_log import AuditLog, audit_salt
from api.access.key_cache import KeyCache
from api.access.rate_limit import RateLimiter
from api.access.sign_in_sessions import Sessions
from api.serving.cached_value import Cached
from api.serving.periodic import run_periodically
from api.serving.prometheus_metrics import RequestMetrics
from api.settings import AppSettings
from batch.promotion.decisions import Promotion
from consumers.broker.kafka_sink import KafkaSink
from consumers.dead_letters.stored_letters import DeadLetterLog
from consumers.entries.entry_log import EntryLog
from events.time_units import DAY_MS
from queries.customers.customer_and_segment_json import Inspector
from queries.customers.customer_lookup import CustomerLookup
from queries.experiments.effect_recording import record_all_effects
from queries.experiments.experiments import Experiments
from queries.operations.change_feed import ChangeFeed
from queries.operations.event_rate import EventRate
from queries.operations.pipeline_status import pipeline_status
from queries.operations.triggers import Triggers
from queries.segments.countries import Countries, customers_by_country
from queries.segments.segment_reader import SegmentReader
from queries.segments.segment_survey import Population, survey
from state.campaigns.secret_keys import secret_keys
from state.campaigns.suppressions import SuppressionStore
from state.customers.person_ids import PersonIdsReader
from state.experiments.effect_series import EffectSeriesStore
from state.experiments.reached_decisions import ReachedDecisionStore
from state.model.baselines import BaselineStore
from state.operations.background_jobs import BackgroundJobs
from state.operations.skipped_messages import SkippedMessages
from state.store.clients import close_async_client, open_async_client
from state.store.connection import connect_for_service
from state.store.replica_reads import ReplicaReads
from stream.customers.wall_or_event_time import SegmentClock
from stream.erasure.erase_everywhere import ErasureRequests
from stream.model.live_segmenter import LiveSegmenter
from stream.model.segmenter import Segmenter

__all__ = ["Services", "open_services"]

_CONNECTIONS = 50
_REDIS_S = 10.0
_SINK_S = 15.0
_ERASURES_S = 2.0
_ENTRIES_S = 2.0
_SEGMENTS_S, _STATUS_S, _POPULATION_S, _COUNTRIES_S = 5.0, 2.0, 15.0, 60.0


@dataclass(frozen=True)
class Services:
    """The parts: Redis for coroutines (`redis`) and for threads (`store`), and what is built on them."""

    settings: AppSettings
    redis: Any
    store: redis.Redis
    inspector: Inspector
    key_cache: KeyCache
    rate_limiter: RateLimiter
    sessions: Sessions
    audit: AuditLog
    customers: CustomerLookup
    reads: SegmentReader
    request_metrics: RequestMetrics
    segments: Cached[dict[str, Any]]
    status: Cached[dict[str, Any]]
    population: Cached[Population]
    countries: Cached[Countries]
    change_feed: ChangeFeed
    event_rate: EventRate
    experiments: Experiments
    suppressions: SuppressionStore
    people: PersonIdsReader
    triggers: Triggers
    letters: DeadLetterLog
    skipped: SkippedMessages
    entries: EntryLog
    erasures: ErasureRequests
    sink: Callable[[], KafkaSink]
    looks: EffectSeriesStore
    decisions: ReachedDecisionStore
    promotion: Callable[[], Promotion]

    @property
    def partitions(self) -> int:
        """The number of partitions of the customers."""
        return self.settings.kafka.partitions

    def segmenter(self) -> Segmenter:
        """Return the segmenter that is live."""
        live = LiveSegmenter(self.store, self.settings.state.half_life_days * DAY_MS)
        live.refresh()
        return live.segmenter

    def segment_names(self) -> dict[str, str]:
        """Return the names of the segments by id: the live baseline's, and those before it."""
        return self.inspector.names()

    def end_suppressions(self, scope: str, customer_ids: Sequence[str]) -> int:
        """Let customers in again, under all ids of each person; return how many of them were suppressed."""
        return self.suppressions.remove_people(scope, [person.all for person in self.people.many(customer_ids)])


@asynccontextmanager
async def open_services(settings: AppSettings) -> AsyncIterator[Services]:
    """Open the services and close them. Raises RedisUnreachable, RedisRefuses."""
    store = await run_in_threadpool(connect_for_service, settings.state)
    client = open_async_client(settings.state.redis, _REDIS_S, _CONNECTIONS)
    replica = settings.state.redis_replica
    reads = ReplicaReads.opened(settings.state, client, _REDIS_S, _CONNECTIONS) if replica else client
    services = _build(settings, client, reads, store, await run_in_threadpool(audit_salt, store))
    jobs = BackgroundJobs(store)
    background = [asyncio.create_task(run_periodically(jobs, *each)) for each in _periodic_tasks(services)]
    try:
        yield services
    finally:
        for task in background:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        await services.audit.flush()
        await run_in_threadpool(services.change_feed.close)
        await close_async_client(client)
        if reads is not client:
            await reads.aclose()
        store.close()


def _periodic_tasks(services: Services) -> list[tuple[str, Callable[[], object], float]]:
    every_s = services.settings.api.looks_s
    look = partial(record_all_effects, services.experiments, services.looks, services.decisions, every_s)
    return [
        ("what people entered", services.entries.follow, _ENTRIES_S),
        ("erasures", services.erasures.finish_open, _ERASURES_S),
        ("readings of the experiments", look, every_s),
    ]


def _survey(inspector: Inspector, half_life_ms: float) -> Population:
    return survey((rows for rows, _ in inspector.chunks()), inspector.now_ms(), half_life_ms)


def _build(settings: AppSettings, client: Any, reads: Any, store: redis.Redis, salt: bytes) -> Services:
    api, kafka, half_life_ms = settings.api, settings.kafka, settings.state.half_life_days * DAY_MS
    clock = SegmentClock(settings.stream.clock, settings.stream.replay_days)
    inspector = Inspector(store, clock, partitions=kafka.partitions, half_life_ms=half_life_ms)

    sink = partial(KafkaSink, kafka, timeout_s=_SINK_S)
    skipped, may_evict = SkippedMessages(store), settings.state.redis_eviction == "allow"
    entries = EntryLog(kafka, store, skipped.add)
    status = Cached(lambda: pipeline_status(store, kafka, may_evict=may_evict), _STATUS_S)
    return Services(
        settings=settings,
        redis=client,
        store=store,
        inspector=inspector,
        key_cache=KeyCache(client, api.api_key_cache_s),
        rate_limiter=RateLimiter(client, api.api_rate),
        sessions=Sessions(client, api.api_session_hours),
        audit=AuditLog(client, salt, api.audit_days),
        customers=CustomerLookup(store, inspector, kafka),
        reads=SegmentReader(reads),
        request_metrics=RequestMetrics(status),
        segments=Cached(inspector.segments, _SEGMENTS_S),
        status=status,
        population=Cached(partial(_survey, inspector, half_life_ms), _POPULATION_S),
        countries=Cached(lambda: customers_by_country(store, kafka.partitions), _COUNTRIES_S),
        change_feed=ChangeFeed(kafka, skipped.add),
        event_rate=EventRate(),
        experiments=Experiments(store, kafka.partitions, clock, entries),
        suppressions=SuppressionStore(store, entries),
        people=PersonIdsReader(store, kafka.partitions),
        triggers=Triggers(store, kafka.partitions, entries, secret_keys(settings.state)),
        letters=DeadLetterLog(kafka, store),
        skipped=skipped,
        entries=entries,
        erasures=ErasureRequests(store, kafka, sink, entries),
        sink=sink,
        looks=EffectSeriesStore(store),
        decisions=ReachedDecisionStore(store),
        promotion=cache(lambda: Promotion(BaselineStore(store), sink())),
    )
