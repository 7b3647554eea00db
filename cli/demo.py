"""`shoal demo`: a shop's events in accelerated time, real ones replayed or a simulated shop live."""

import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from cli.local.stop_signals import stop_on_signals
from cli.printing.output import tables

if TYPE_CHECKING:
    from rich.console import Console

    from events.schema.inputs import Order

__all__ = ["register"]

_SHOP: Final = "shop"
_REPLAY_S: Final = 15.0
_WITHOUT_TERMINAL_S: Final = 60.0
"""Seconds of the simulated shop without a terminal and without --seconds."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("demo", epilog="Examples: `shoal demo --exit`, `shoal demo --source shop`")(demo)


_Source = Annotated[
    str | None,
    typer.Option(
        help="`shop` for the simulated shop, live; or a purchase log to replay: CDNOW (.txt), Online Retail "
        "(.parquet, .csv), orders (.jsonl), or your shop's export as `shoal import orders` reads it. By default "
        "the CDNOW sample of the Lifetimes package.",
        metavar="shop|FILE",
    ),
]


def demo(
    source: _Source = None,
    mapping: Annotated[
        Path | None,
        typer.Option(help="The mapping file of your shop's export (`import orders --write-mapping`).", exists=True),
    ] = None,
    leave: Annotated[bool, typer.Option("--exit", help="End when everything has been processed.")] = False,
    seconds: Annotated[
        float | None,
        typer.Option(
            help="Length of the live part: 15 of a replay; the shop goes on until Ctrl-C, without a terminal for 60.",
            min=1.0,
            max=3_600.0,
            show_default=False,
        ),
    ] = None,
    customers: Annotated[
        int, typer.Option(help="Customers that the simulated shop begins with.", min=600, max=100_000)
    ] = 3_000,
) -> None:
    """Start everything on this machine, and show customers of a shop being assigned to segments.

    A log's first part is loaded at full speed, as a shop would load its history; when the first baseline is live, the
    rest is replayed day by day. The simulated shop loads 240 days, then 45 in 15 seconds, and then lives: a day takes
    ten seconds, with orders, web sessions, profiles and an experiment. Time is the shop's own, so customers who stop
    buying grow at-risk.
    """
    stop, console = stop_on_signals(), tables()
    if source == _SHOP:
        _run_shop(console, stop, customers, leave=leave, seconds=seconds)
    else:
        from cli.feeding.log_replay import read_orders

        orders = read_orders(None if source is None else Path(source), mapping)
        _replay(console, stop, orders, leave=leave, seconds=seconds or _REPLAY_S)


def _replay(console: "Console", stop: threading.Event, orders: "list[Order]", *, leave: bool, seconds: float) -> None:
    from cli.feeding.log_replay import Replay
    from cli.local.local_services import LocalServices
    from state.store.redis_error_messages import without_password

    console.print(
        f"Starting a Kafka broker, Redis, a worker, the batch module and the API; {len(orders):,} orders to replay …"
    )
    environment = {"SHOAL_CLOCK": "event", "SHOAL_SWEEP_S": "1", "SHOAL_MODEL_S": "0.25"}
    with LocalServices(environment) as services:
        if not leave:
            console.print(services.access_text(), highlight=False, soft_wrap=True)
        replay = Replay(services, orders, console, stop)
        replay.run(seconds)
        if stop.is_set():
            return
        replay.summary()
        if leave:
            return
        console.print(
            f"\nStill up: Kafka {services.addresses.kafka}, Redis {without_password(services.addresses.redis)}. "
            "In another terminal, in this folder, try `shoal segments`, `shoal customer 00001`, `shoal health`. "
            "Ctrl-C ends everything.",
            highlight=False,
            soft_wrap=True,
        )
        services.run_until(stop)


def _run_shop(console: "Console", stop: threading.Event, customers: int, *, leave: bool, seconds: float | None) -> None:
    from cli.feeding.live_shop import SHOP_SETTINGS, LiveShop
    from cli.feeding.sample_webhook import SampleWebhook
    from cli.local.local_services import LocalServices

    without_terminal = seconds is None and (leave or not sys.stdout.isatty())
    length = _WITHOUT_TERMINAL_S if without_terminal else seconds
    console.print("Starting a Kafka broker, Redis and all of Shoal; then a simulated shop opens …")
    with SampleWebhook() as webhook, LocalServices(SHOP_SETTINGS) as services:
        console.print(services.access_text(), highlight=False, soft_wrap=True)
        console.print(
            "Open the dashboard. The shop's last nine months are loaded first; half a minute later it is live, "
            "and a day of the shop takes ten seconds. "
            + ("Ctrl-C ends everything." if length is None else f"It is live for {length:g} seconds."),
            soft_wrap=True,
        )
        if without_terminal and not leave:
            console.print(
                "(No terminal is here to press Ctrl-C in, so it ends by itself: --seconds N makes it longer.)"
            )
        shop = LiveShop(services, webhook, console, stop, customers)
        shop.run(length)
        if stop.is_set():
            return
        shop.summary()
        if length is None:
            services.run_until(stop)
