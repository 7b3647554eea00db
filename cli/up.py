"""`shoal up`: everything on this machine, until Ctrl-C."""

import signal
import threading
from typing import TYPE_CHECKING

import typer

from cli.printing.output import tables

if TYPE_CHECKING:
    from cli.local.local_services import LocalServices

__all__ = ["access", "register", "stay_until_told", "stop_on_signals"]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("up", epilog="Example: `shoal up`, and in another terminal `shoal import cdnow CDNOW_master.txt`")(up)


def up() -> None:
    """Start an embedded Kafka broker, Redis and all of Shoal's processes, and stay until Ctrl-C.

    The data lives in memory and is gone afterwards. For production see deploy/README.md.
    """
    from cli.local.local_services import LocalServices

    stop = stop_on_signals()
    with LocalServices() as services:
        tables().print(
            f"Kafka   {services.addresses.kafka}\nRedis   {services.addresses.redis}\n"
            f"API     {services.addresses.api}\nlogs    {services.folder}/*.log\n\n"
            f"{access(services)}\n\n"
            "Other shoal commands in this folder use these. Try: shoal import cdnow CDNOW_master.txt\n"
            "Ctrl-C or `shoal down` ends everything.",
            highlight=False,
            soft_wrap=True,
        )
        stay_until_told(services, stop)


def access(services: "LocalServices") -> str:
    """Return what a person needs to get in: a link for the browser, a key for programs."""
    assert services.key is not None  # noqa: S101 - for the type checker
    return f"dashboard  {services.sign_in_link()}  (signs in once)\nAPI key    {services.key.token}"


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
