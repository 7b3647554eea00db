"""`shoal batch`: put the first baseline live as soon as there is enough to fit it on."""

import logging
import re
import signal
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from cli.local import KafkaOption, RedisOption, kafka_settings, state_settings
from cli.output import log_to_stderr

if TYPE_CHECKING:
    from batch.first_baseline import Readiness
    from events.outputs import Baseline

__all__ = ["duration_s", "register"]

log = logging.getLogger(__name__)

_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_LOOK_S = 5.0


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("batch", epilog="Example: `shoal batch --every 24h`")(batch)


def duration_s(text: str) -> float:
    """Return the seconds in a duration such as 90s, 15m, 24h or 7d. Raises typer.BadParameter.

    >>> duration_s("1.5h")
    5400.0
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd])", text)
    if not match or float(match[1]) <= 0:
        raise typer.BadParameter(f"{text!r} is not a duration; write 90s, 15m, 24h or 7d")
    return float(match[1]) * _UNITS[match[2]]


def batch(
    every: Annotated[str, typer.Option(help="How often to look again once a baseline is live: 90s, 15m, 24h.")] = "24h",
    kafka: KafkaOption = None,
    redis: RedisOption = None,
) -> None:
    """Fit the first baseline once enough customers exist, and put it live; until then they are in RFM tiers.

    This release fits one baseline; the online model keeps its centroids current.
    """
    from batch.first_baseline import FirstBaseline
    from batch.settings import BatchSettings
    from consumers.sink import KafkaSink
    from state.connection import connect
    from stream.clock import SegmentClock
    from stream.settings import StreamSettings
    from stream.worker import half_life_ms

    period_s = duration_s(every)
    log_to_stderr()
    address, state, stream = kafka_settings(kafka), state_settings(redis), StreamSettings()
    first = FirstBaseline(
        connect(state.redis),
        KafkaSink(address),
        BatchSettings(),
        SegmentClock(stream.clock, stream.replay_days),
        kafka=address,
        half_life_ms=half_life_ms(state),
    )
    _run(first.run_once, period_s)


def _run(run_once: Callable[[], tuple["Baseline | None", "Readiness"]], period_s: float) -> None:
    stop = threading.Event()
    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, lambda *_: stop.set())
    last = ""
    while not stop.is_set():
        baseline, readiness = _attempt(run_once)
        if readiness != last:
            log.info("%s", readiness)
            last = readiness
        stop.wait(period_s if baseline else min(_LOOK_S, period_s))


def _attempt(run_once: Callable[[], tuple["Baseline | None", "Readiness"]]) -> tuple[bool, str]:
    """Run once; Redis or Kafka being away is said and waited out."""
    from redis import RedisError

    from consumers.sink import SinkFailed

    try:
        baseline, readiness = run_once()
    except (RedisError, SinkFailed) as error:
        return False, f"not possible now: {error}"
    return baseline is not None, readiness.reason
