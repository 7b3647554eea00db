"""`shoal wait`: return when everything published so far has been processed."""

import time
from typing import Annotated

import typer

from cli.local.service_addresses import KafkaOption, RedisOption
from cli.printing.output import JsonOption, print_json, tables

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("wait", epilog="Example: `shoal import cdnow CDNOW_master.txt && shoal wait --timeout 120`")(wait)


def wait(
    timeout: Annotated[float, typer.Option(help="Seconds to wait at most.", min=0.0)] = 300.0,
    settled: Annotated[
        bool,
        typer.Option("--settled", help="Wait also until two full sweeps have run with a stable model."),
    ] = False,
    kafka: KafkaOption = None,
    redis_url: RedisOption = None,
    as_json: JsonOption = False,
) -> None:
    """Return when everything published so far has been processed and its segment changes are sent."""
    from cli.feeding.await_processing import wait_until_processed, wait_until_settled

    started = time.monotonic()
    events = wait_until_processed(kafka, redis_url, timeout)
    if settled:
        wait_until_settled(kafka, redis_url, timeout - (time.monotonic() - started))
    seconds = round(time.monotonic() - started, 3)
    if as_json:
        print_json({"processed": events, "seconds": seconds, **({"settled": True} if settled else {})})
    else:
        tables().print(f"{events:,} events processed" + (", and segments have settled" if settled else ""))
