"""`shoal demo`: a real purchase log replayed in accelerated event time, with the segments filling up live."""

from pathlib import Path
from typing import Annotated

import typer

from cli.output import tables

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("demo", epilog="Example: `shoal demo --exit`")(demo)


def demo(
    source: Annotated[
        Path | None,
        typer.Option(
            help="Purchase log to replay: CDNOW (.txt), Online Retail (.parquet, .csv) or orders (.jsonl). "
            "By default the CDNOW sample of the Lifetimes package."
        ),
    ] = None,
    leave: Annotated[bool, typer.Option("--exit", help="End when the replay has been processed.")] = False,
    seconds: Annotated[float, typer.Option(help="Length of the live part.", min=1.0, max=3_600.0)] = 15.0,
) -> None:
    """Start everything on this machine, replay a shop's purchases, and show customers taking their segments.

    The first half of the log is loaded at full speed, as a shop would load its history; when the first baseline is
    live, the rest is replayed day by day. Time is the log's own, so customers who stop buying grow at-risk.
    """
    from cli.replay import Replay, read_orders
    from cli.services import LocalServices
    from cli.up import access, stay_until_told, stop_on_signals

    orders = read_orders(source)
    stop = stop_on_signals()
    console = tables()
    console.print(
        f"Starting a Kafka broker, Redis, a worker, the batch module and the API; {len(orders):,} orders to replay …"
    )
    environment = {"SHOAL_CLOCK": "event", "SHOAL_SWEEP_S": "1", "SHOAL_MODEL_S": "0.25"}
    with LocalServices(environment) as services:
        if not leave:
            console.print(access(services), highlight=False, soft_wrap=True)
        replay = Replay(services, orders, console, stop)
        replay.run(seconds)
        if stop.is_set():
            return
        replay.summary()
        if leave:
            return
        console.print(
            f"\nStill up: Kafka {services.addresses.kafka}, Redis {services.addresses.redis}. In another terminal, in "
            "this folder, try `shoal segments`, `shoal customer 00001`, `shoal health`. Ctrl-C ends everything.",
            highlight=False,
            soft_wrap=True,
        )
        stay_until_told(services, stop)
