"""`shoal up`: everything on this machine, until Ctrl-C."""

import typer

from cli.local.stop_signals import stop_on_signals
from cli.printing.output import tables

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("up", epilog="Example: `shoal up`, and in another terminal `shoal import cdnow CDNOW_master.txt`")(up)


def up() -> None:
    """Start an embedded Kafka broker, Redis and all of Shoal's processes, and stay until Ctrl-C.

    The data lives in memory and is gone afterwards. For production see deploy/README.md.
    """
    from cli.local.local_services import LocalServices
    from state.store.redis_error_messages import without_password

    stop = stop_on_signals()
    with LocalServices() as services:
        tables().print(
            f"Kafka   {services.addresses.kafka}\nRedis   {without_password(services.addresses.redis)}\n"
            f"API     {services.addresses.api}\nlogs    {services.folder}/*.log\n\n"
            f"{services.access_text()}\n\n"
            "Other shoal commands in this folder use these. Try: shoal import orders YOUR_EXPORT.csv --dry-run\n"
            "Ctrl-C or `shoal down` ends everything.",
            highlight=False,
            soft_wrap=True,
        )
        services.run_until(stop)
