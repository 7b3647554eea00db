"""`shoal batch`: the first baseline as soon as there is enough to fit it on, then proposals on a schedule."""

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from cli.local.service_addresses import KafkaOption, RedisOption, kafka_settings, state_settings
from cli.local.stop_signals import stop_on_signals
from cli.printing.durations import duration_s
from cli.printing.output import log_to_stderr

if TYPE_CHECKING:
    import redis as redis_py

    from batch.promotion.batch_service import BatchService
    from state.operations.background_jobs import BackgroundJobs
    from state.operations.service_health import ServiceHealth

__all__ = ["register"]

log = logging.getLogger(__name__)

_CHECK_S = 5.0
_LONGEST_STEP_S = 3_600.0


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("batch", epilog="Example: `shoal batch --every 24h`")(batch)


def batch(
    every: Annotated[
        str, typer.Option(help="How often to propose a new baseline once one is live: 90s, 15m, 24h.")
    ] = "24h",
    kafka: KafkaOption = None,
    redis: RedisOption = None,
) -> None:
    """Fit the first baseline once enough customers exist, and put it live; then propose a new one now and then.

    A proposal changes nothing until somebody approves it (`shoal baselines approve`), or the guard does where
    SHOAL_AUTO_APPROVE is set. Drift that the workers report is answered at once, with a proposal.
    """
    from events.topics.permissions import SERVICES
    from events.topics.required_topics import require_topics
    from state.operations.background_jobs import BackgroundJobs
    from state.operations.metrics_server import serve_metrics
    from state.operations.service_health import ServiceHealth
    from state.operations.settings import MetricsSettings
    from state.store.connection import connect_for_service

    period_s = duration_s(every)
    log_to_stderr()
    require_topics(kafka_settings(kafka), needs=SERVICES["batch"])
    client = connect_for_service(state_settings(redis))
    service = _service(client, kafka, redis, period_s)
    health = ServiceHealth("its first step", _LONGEST_STEP_S)
    serve_metrics(MetricsSettings(), [health])
    _run(lambda: service.step(datetime.now(UTC)), BackgroundJobs(client), min(_CHECK_S, period_s), health)


def _service(client: "redis_py.Redis", kafka: str | None, redis: str | None, period_s: float) -> "BatchService":
    from batch.promotion.batch_service import BatchService
    from batch.promotion.decisions import Promotion
    from batch.promotion.first_baseline import FirstBaseline
    from batch.promotion.process_priority import lower_priority
    from batch.promotion.refit_after_import import ImportEnd, segments_backlog
    from batch.settings import BatchSettings
    from cli.baseline.stores import open_rebaseliner
    from consumers.broker.kafka_sink import KafkaSink
    from state.model.baselines import BaselineStore
    from stream.customers.wall_or_event_time import SegmentClock
    from stream.moves.hysteresis import Hysteresis
    from stream.settings import StreamSettings
    from stream.worker_wiring import half_life_ms

    address, state, stream, settings = kafka_settings(kafka), state_settings(redis), StreamSettings(), BatchSettings()
    lower_priority(settings.batch_nice)
    sink = KafkaSink(address)
    clock = SegmentClock(stream.clock, stream.replay_days)
    return BatchService(
        client,
        FirstBaseline(
            client,
            sink,
            settings,
            clock,
            kafka=address,
            half_life_ms=half_life_ms(state),
            hysteresis=Hysteresis.from_settings(stream),
        ),
        Promotion(BaselineStore(client), sink),
        settings,
        every=timedelta(seconds=period_s),
        partitions=address.partitions,
        rebaseliner=lambda: open_rebaseliner(client, settings, kafka, redis),
        import_end=ImportEnd(segments_backlog(client, address)),
    )


def _run(
    step: Callable[[], tuple[bool, str]], jobs: "BackgroundJobs", interval_s: float, health: "ServiceHealth"
) -> None:
    """Take a step every `interval_s` until a signal ends it; log its status where that has changed."""
    stop = stop_on_signals()
    logged = ""
    while not stop.is_set():
        health.progressed()
        status = _status_after(step, jobs, health)
        if status != logged:
            log.info("%s", status)
            logged = status
        stop.wait(interval_s)


def _status_after(step: Callable[[], tuple[bool, str]], jobs: "BackgroundJobs", health: "ServiceHealth") -> str:
    """Take a step and return its status; a failure is a status too, noted for `shoal health`; the next tries again."""
    from redis import RedisError

    from batch.promotion.batch_lock import LockLost
    from consumers.broker.kafka_sink import SinkFailed
    from state.model.baselines import BaselineConflict

    try:
        with jobs.running("batch"):
            _, status = step()
    except (RedisError, SinkFailed, LockLost, BaselineConflict) as error:
        health.not_ready(str(error))
        return f"not possible now: {error}"
    except Exception as error:
        log.exception("a step of the batch service failed")
        health.not_ready(str(error))
        return f"failed: {type(error).__name__}: {error}"
    health.ready()
    return status
