"""`shoal up`: everything on this machine, until Ctrl-C."""

import signal
import threading
from typing import TYPE_CHECKING

import typer

from cli.output import tables

if TYPE_CHECKING:
    from cli.services import LocalServices

__all__ = ["register", "stay_until_told", "stop_on_signals"]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("up", epilog="Example: `shoal up`, and in another terminal `shoal import cdnow CDNOW_master.txt`")(up)


def up() -> None:
    """Start an embedded Kafka broker, Redis, a worker, the experiment consumer and the batch module, until Ctrl-C.

    The data lives in memory and is gone afterwards. For production see deploy/README.md.
    """
    from cli.services import LocalServices

    stop = stop_on_signals()
    with LocalServices() as services:
        tables().print(
            f"Kafka   {services.addresses.kafka}\nRedis   {services.addresses.redis}\n"
            f"logs    {services.folder}/*.log\n\n"
            "Other shoal commands in this folder use these. Try: shoal import cdnow CDNOW_master.txt\n"
            "Ctrl-C or `shoal down` ends everything.",
            highlight=False,
        )
        stay_until_told(services, stop)


def stop_on_signals() -> threading.Event:
    """Return an event that SIGTERM and SIGINT set, instead of ending this process at once."""
    stop = threading.Event()
    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, lambda *_: stop.set())
    return stop


def stay_until_told(services: "LocalServices", stop: threading.Event) -> None:
    """Wait for the signal; raise ServiceFailed where a service ends before."""
    while not stop.wait(0.5):
        services.check()
