"""`shoal audit`: who read or changed what about a customer."""

import sys
from typing import Annotated

import typer

from cli.local.service_addresses import RedisOption, state_settings
from cli.printing.output import JsonOption, print_json, tables

__all__ = ["app"]

app = typer.Typer(help="The audit log: who read or changed what about a customer.", no_args_is_help=True)


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


@app.command("check", epilog="Example: `shoal audit check`")
def check(redis: RedisOption = None, as_json: JsonOption = False) -> None:
    """Check that no entry is missing or was changed: each has a hash of itself and of the one before. Exit 1 if so."""
    from api.access.audit_chain import check_chain
    from state.store.connection import connect

    found = check_chain(connect(state_settings(redis).redis))
    if as_json:
        print_json({"ok": not found.problems, "entries": found.entries, "problems": found.problems})
    else:
        said = found.problems or [f"{found.entries:,} entries, none is missing or was changed"]
        for each in said:
            tables().print(each, markup=False, highlight=False, soft_wrap=True)
    if found.problems:
        raise typer.Exit(1)
