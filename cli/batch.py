"""`shoal batch`: the first baseline as soon as there is enough to fit it on, then proposals on a schedule."""

import logging
import signal
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from cli.local.addresses import KafkaOption, RedisOption, kafka_settings, state_settings
from cli.printing.durations import duration_s
from cli.printing.output import log_to_stderr

if TYPE_CHECKING:
    from batch.promotion.batch_service import BatchService

__all__ = ["register"]

log = logging.getLogger(__name__)

_LOOK_S = 5.0


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
    period_s = duration_s(every)
    log_to_stderr()
    service = _service(kafka, redis, period_s)
    _run(lambda: service.step(datetime.now(UTC)), min(_LOOK_S, period_s))


def _service(kafka: str | None, redis: str | None, period_s: float) -> "BatchService":
    from batch.promotion.batch_service import BatchService
    from batch.promotion.decisions import Promotion
    from batch.promotion.first_baseline import FirstBaseline
    from batch.promotion.process_priority import lower_priority
    from batch.settings import BatchSettings
    from cli.baseline.stores import open_rebaseliner
    from consumers.broker.kafka_sink import KafkaSink
    from state.model.baselines import BaselineStore
    from state.store.connection import connect
    from stream.customers.clock import SegmentClock
    from stream.moves.hysteresis import Hysteresis
    from stream.settings import StreamSettings
    from stream.worker import half_life_ms

    address, state, stream, settings = kafka_settings(kafka), state_settings(redis), StreamSettings(), BatchSettings()
    lower_priority(settings.batch_nice)
    client, sink = connect(state.redis), KafkaSink(address)
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
    )


def _run(step: Callable[[], tuple[bool, str]], look_s: float) -> None:
    stop = threading.Event()
    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, lambda *_: stop.set())
    last = ""
    while not stop.is_set():
        said = _attempt(step)
        if said != last:
            log.info("%s", said)
            last = said
        stop.wait(look_s)


def _attempt(step: Callable[[], tuple[bool, str]]) -> str:
    """Do a step; Redis or Kafka being away is said and waited out."""
    from redis import RedisError

    from batch.promotion.batch_lock import LockLost
    from consumers.broker.kafka_sink import SinkFailed
    from state.model.baselines import BaselineConflict

    try:
        _, said = step()
    except (RedisError, SinkFailed, LockLost, BaselineConflict) as error:
        return f"not possible now: {error}"
    return said
