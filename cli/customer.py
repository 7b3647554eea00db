"""`shoal customer`: what is known of one customer."""

from typing import Annotated, Any

import typer

from cli.local import KafkaOption, RedisOption, kafka_settings
from cli.output import JsonOption, errors, print_json, tables

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("customer", epilog="Example: `shoal customer 00001 --json`")(customer)


def customer(
    customer_id: Annotated[str, typer.Argument(metavar="ID", help="The customer_id of the events.")],
    kafka: KafkaOption = None,
    redis: RedisOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show a customer's record, features, segment, and the way it took through the segments."""
    from cli.inspection import inspector

    found = inspector(redis).customer(customer_id)
    found["history"] = _history(found, kafka)
    if as_json:
        print_json(found)
        return
    tables().print(_table(found))
    if found["history"]:
        tables().print(_moves(found["history"]))


def _table(found: dict[str, Any]) -> Any:
    from rich.table import Table

    table = Table(title=f"customer {found['customer_id']}", show_header=False)
    for name, value in found.items():
        if name in ("customer_id", "features", "history"):
            continue
        table.add_row(name, "–" if value is None else str(value))
    for name, value in found["features"].items():
        table.add_row(f"feature {name}", "–" if value is None else str(value))
    return table


def _history(found: dict[str, Any], kafka: str | None) -> list[dict[str, Any]]:
    """Return the history, with causes where Kafka can be asked for the changes."""
    from consumers.change_log import changes_of_customer
    from events.errors import ShoalError
    from stream.history import with_changes

    try:
        changes = changes_of_customer(kafka_settings(kafka), found["partition"], found["customer_id"])
    except ShoalError as error:
        errors().print(f"the history is without causes: {error}", highlight=False, markup=False)
        return list(found["history"])
    return with_changes(found["history"], changes)


def _moves(history: list[dict[str, Any]]) -> Any:
    from rich.table import Table

    table = Table("since", "segment", "cause", "why", title="segments, the present one first")
    for entry in history:
        table.add_row(
            entry["since"][:16].replace("T", " "), entry["segment"], entry["cause"] or "", entry["explanation"]
        )
    return table
