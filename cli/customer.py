"""`shoal customer`: what is known of one customer."""

from typing import Annotated, Any

import typer

from cli.local import RedisOption
from cli.output import JsonOption, print_json, tables

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("customer", epilog="Example: `shoal customer 00001 --json`")(customer)


def customer(
    customer_id: Annotated[str, typer.Argument(metavar="ID", help="The customer_id of the events.")],
    redis: RedisOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show a customer's record, features and segment."""
    from cli.inspection import inspector

    found = inspector(redis).customer(customer_id)
    if as_json:
        print_json(found)
        return
    tables().print(_table(found))


def _table(found: dict[str, Any]) -> Any:
    from rich.table import Table

    table = Table(title=f"customer {found['customer_id']}", show_header=False)
    for name, value in found.items():
        if name in ("customer_id", "features"):
            continue
        table.add_row(name, "–" if value is None else str(value))
    for name, value in found["features"].items():
        table.add_row(f"feature {name}", "–" if value is None else str(value))
    return table
