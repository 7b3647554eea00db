"""`shoal customer`: what is known of one customer."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.local.service_addresses import KafkaOption, RedisOption, kafka_settings, state_settings
from cli.printing.output import JsonOption, errors, print_json, tables

if TYPE_CHECKING:
    from consumers.broker.internal_messages import OnSkipped

__all__ = ["register"]


_ELSEWHERE = ("customer_id", "features", "history", "history_of_merged", "lifetime", "order_book")
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
    """Show a customer's record, features, lifetime value, segment, and its segment history."""
    from cli.local.inspector_connection import inspector
    from queries.customers.lifetime_value import lifetime_of_customer
    from state.operations.skipped_messages import SkippedMessages
    from state.store.connection import connect

    client = connect(state_settings(redis).redis)
    reader = inspector(redis, client)
    found = reader.customer(customer_id)
    found["lifetime"] = lifetime_of_customer(reader, found["customer_id"])
    found["history"], found["history_of_merged"] = _history(found, kafka, SkippedMessages(client).add)
    if as_json:
        print_json(found)
        return
    if found["customer_id"] != customer_id:
        tables().print(f"{customer_id} was merged into {found['customer_id']}, who is shown", markup=False)
    tables().print(_table(found))
    if found["order_book"]:
        tables().print(_orders(found["order_book"]))
    if found["history"]:
        tables().print(_moves(found["history"], "segments, the present one first"))
    if found["history_of_merged"]:
        tables().print(_moves(found["history_of_merged"], "segments of the ids that were merged into this customer"))


def _table(found: dict[str, Any]) -> Any:
    from rich.markup import escape
    from rich.table import Table

    table = Table(title=escape(f"customer {found['customer_id']}"), show_header=False)
    for name, value in found.items():
        if name not in (*_ELSEWHERE, "requested_id", "merged_from"):
            table.add_row(name, _cell(value))
    if found["merged_from"]:
        table.add_row("merged from", escape(", ".join(found["merged_from"])))
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
        ("probability alive", found["probability_alive_reason"] or f"{found['probability_alive']:.1%}"),
        (f"orders expected in {found['horizon_weeks']:g} weeks", f"{found['expected_orders']:,.2f}"),
        ("amount expected of each", f"{found['expected_amount']:,.2f}"),
        (f"lifetime value, discounted at {found['yearly_rate']:.0%} a year", f"{found['lifetime_value']:,.2f}"),
    ]


def _cell(value: Any) -> str:
    return "–" if value is None else str(value)


def _history(
    found: dict[str, Any], kafka: str | None, on_skipped: "OnSkipped"
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the history, and that of merged ids: with causes where Kafka can be asked for the changes."""
    from consumers.history.segment_changes_reader import changes_of_customer
    from events.base_error import ShoalError
    from queries.customers.segment_history import changes_of, history_of_merged, with_changes

    customer_id, merged = found["customer_id"], found["merged_from"]
    try:
        changes = changes_of_customer(kafka_settings(kafka), [customer_id, *merged], on_skipped=on_skipped)
    except ShoalError as error:
        errors().print(f"the history is without causes: {error}", highlight=False, markup=False)
        changes = []
    return with_changes(found["history"], changes_of(customer_id, changes)), history_of_merged(merged, changes)


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


def _moves(history: list[dict[str, Any]], title: str) -> Any:
    from rich.markup import escape
    from rich.table import Table

    table = Table("since", "segment", "cause", "why", title=title)
    for entry in history:
        segment = entry["segment"] or "none"
        if "customer_id" in entry:
            segment = f"{entry['customer_id']}: {segment}"
        table.add_row(
            entry["since"][:16].replace("T", " "), escape(segment), entry["cause"] or "", entry["explanation"]
        )
    return table
