"""`shoal customer`: what is known of one customer."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.local.service_addresses import KafkaOption, RedisOption, kafka_settings, state_settings
from cli.printing.output import JsonOption, errors, print_json, tables

if TYPE_CHECKING:
    from consumers.broker.internal_messages import OnSkipped

__all__ = ["register"]


_ORDERS = 20
"""Orders shown to people; `--json` has all that the record remembers."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("customer", epilog="Example: `shoal customer 00001 --json`")(customer)


def customer(
    customer_id: Annotated[str, typer.Argument(metavar="ID", help="The customer_id of the events.")],
    kafka: KafkaOption = None,
    redis: RedisOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show a customer's record, features, lifetime value, segment, and the way it took through the segments."""
    from cli.local.open_customer_inspector import inspector
    from queries.customers.lifetime_value import lifetime_of_customer
    from state.operations.skipped_messages import SkippedMessages
    from state.store.connection import connect

    client = connect(state_settings(redis).redis)
    reader = inspector(redis, client)
    found = reader.customer(customer_id)
    found["lifetime"] = lifetime_of_customer(reader, customer_id)
    found["history"] = _history(found, kafka, SkippedMessages(client).add)
    if as_json:
        print_json(found)
        return
    tables().print(_table(found))
    if found["order_book"]:
        tables().print(_orders(found["order_book"]))
    if found["history"]:
        tables().print(_moves(found["history"]))


def _table(found: dict[str, Any]) -> Any:
    from rich.table import Table

    table = Table(title=f"customer {found['customer_id']}", show_header=False)
    for name, value in found.items():
        if name not in ("customer_id", "features", "history", "lifetime", "order_book"):
            table.add_row(name, _cell(value))
    for name, value in found["features"].items():
        table.add_row(f"feature {name}", _cell(value))
    for name, value in _lifetime(found["lifetime"]):
        table.add_row(name, _cell(value))
    return table


def _lifetime(found: dict[str, Any]) -> list[tuple[str, Any]]:
    """Return the rows of the lifetime value: the figures, or why there are none."""
    if found["reason"] is not None:
        return [("lifetime value", found["reason"])]
    return [
        ("probability alive", f"{found['probability_alive']:.1%}"),
        (f"orders expected in {found['horizon_weeks']:g} weeks", f"{found['expected_orders']:,.2f}"),
        ("amount expected of each", f"{found['expected_amount']:,.2f}"),
        (f"lifetime value, discounted at {found['yearly_rate']:.0%} a year", f"{found['lifetime_value']:,.2f}"),
    ]


def _cell(value: Any) -> str:
    return "–" if value is None else str(value)


def _history(found: dict[str, Any], kafka: str | None, on_skipped: "OnSkipped") -> list[dict[str, Any]]:
    """Return the history, with causes where Kafka can be asked for the changes."""
    from consumers.history.segment_changes_reader import changes_of_customer
    from events.base_error import ShoalError
    from queries.customers.segment_history import with_changes

    try:
        settings = kafka_settings(kafka)
        changes = changes_of_customer(settings, found["partition"], found["customer_id"], on_skipped=on_skipped)
    except ShoalError as error:
        errors().print(f"the history is without causes: {error}", highlight=False, markup=False)
        return list(found["history"])
    return with_changes(found["history"], changes)


def _orders(orders: list[dict[str, Any]]) -> Any:
    from rich.table import Table

    table = Table("placed", title="latest orders")
    for heading in ("amount", "refunded", "left"):
        table.add_column(heading, justify="right")
    table.add_column("")
    for each in orders[:_ORDERS]:
        figures = [f"{each[name]:,.2f}" for name in ("amount", "refunded", "net")]
        when = each["placed_at"]
        note = "cancelled" if each["cancelled"] else ""
        table.add_row(when[:16].replace("T", " ") if when else "not placed yet", *figures, note)
    return table


def _moves(history: list[dict[str, Any]]) -> Any:
    from rich.table import Table

    table = Table("since", "segment", "cause", "why", title="segments, the present one first")
    for entry in history:
        table.add_row(
            entry["since"][:16].replace("T", " "), entry["segment"], entry["cause"] or "", entry["explanation"]
        )
    return table
