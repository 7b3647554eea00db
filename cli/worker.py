"""`shoal worker`: one segment worker, until it is stopped."""

from typing import Annotated, Literal

import typer

from cli.local.service_addresses import KafkaOption, RedisOption, kafka_settings, state_settings
from cli.printing.output import log_to_stderr

__all__ = ["register"]

_EXAMPLE = "Example: `SHOAL_KAFKA=kafka:9092 SHOAL_REDIS=redis://redis:6379/0 shoal worker --clock wall`"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("worker", epilog=_EXAMPLE)(worker)


def worker(
    kafka: KafkaOption = None,
    redis: RedisOption = None,
    clock: Annotated[
        Literal["auto", "wall", "event"] | None,
        typer.Option(help="What `now` is: wall clock, event time, or auto (event time while history is replayed)."),
    ] = None,
) -> None:
    """Fold orders, web sessions and profiles into customers, and keep their segments current."""
    from consumers.settings import ConsumerSettings
    from events.topics.permissions import SERVICES
    from events.topics.required_topics import require_topics
    from stream.faust_worker_app import run_worker
    from stream.settings import StreamSettings
    from stream.worker_wiring import WorkerSettings

    log_to_stderr()
    address = kafka_settings(kafka)
    require_topics(address, needs=SERVICES["worker"])
    stream = StreamSettings(clock=clock) if clock else StreamSettings()
    settings = WorkerSettings(address, state_settings(redis), ConsumerSettings(), stream)
    raise typer.Exit(run_worker(settings))
