"""`shoal audit`: who read or changed what about a customer."""

import sys
from typing import Annotated

import typer

from cli.local.service_addresses import RedisOption, state_settings

__all__ = ["app"]

app = typer.Typer(help="The audit log: who read or changed what about a customer.", no_args_is_help=True)


@app.callback()
def audit() -> None:
    """Keep `export` a command of its own, though it is the only one."""


@app.command("export", epilog="Example: `shoal audit export --customer 00001 > audit.jsonl`")
def export(
    customer: Annotated[str | None, typer.Option(help="Only what concerns this customer_id.")] = None,
    redis: RedisOption = None,
) -> None:
    """Print the audit log as JSON lines, the oldest first. Customers are pseudonyms, the same one for the same id."""
    from api.access.customer_access_log import read_audit
    from state.store.connection import connect

    for entry in read_audit(connect(state_settings(redis).redis), customer):
        sys.stdout.write(entry.model_dump_json(exclude_none=True) + "\n")
