"""A customer's timeline: orders, web sessions, and every move between segments with its cause."""

from datetime import datetime
from typing import Any, NamedTuple

from api.serving.services import Services
from consumers.history.segment_changes_reader import changes_of_customer
from consumers.history.session_history import sessions_of_customer
from events.base_error import ShoalError
from events.schema.inputs import WebSession
from events.segment_changes import Change
from queries.customers.purchases import Purchase, purchases_of
from queries.customers.segment_history import changes_of, history_of_merged, with_changes

__all__ = ["Entry", "timeline_of"]

_MAX_ENTRIES = 100
_KAFKA_S = 2.0
_CAUSES = {
    "activity": "by what it did",
    "time": "by doing nothing",
    "model": "because the segments moved",
    "baseline": "because of a new baseline",
    "correction": "because of a correction",
    "merge": "because of a merge",
}


class Entry(NamedTuple):
    """Something that happened: ms since 1970, what kind, what, and why."""

    at_ms: int
    kind: str
    what: str
    why: str = ""


def timeline_of(services: Services, document: dict[str, Any]) -> tuple[list[Entry], str]:
    """Return the newest hundred entries, the latest first, and what is missing, in words.

    `document` is what `Customers.document` returns, with personal fields.
    """
    customer_id, merged = document["customer_id"], document["merged_from"]
    (changes, sessions), missing = _read_kafka(services, [customer_id, *merged])
    record = document["record"]
    if sessions and len(sessions) < record["sessions"]:
        missing = f"Kafka still has the latest {len(sessions):,} of {record['sessions']:,} web sessions."
    purchases = purchases_of(services.store, customer_id, services.partitions)
    history = with_changes(document["history"], changes_of(customer_id, changes))
    entries = [*_sign_up_entry(record), *_segment_entries(history), *_merged_entries(merged, changes)]
    if record["order_book"]:
        entries += [_order_entry(each) for each in record["order_book"] if each["placed_at"]]
        entries += [_purchase_entry(each) for each in purchases if each.kind != "placed"]
    else:  # written before records remembered their orders
        entries += [_purchase_entry(each) for each in purchases] or _first_and_last_order_entries(record)
    entries += [_session_entry(each) for each in sessions] or _last_session_entry(record)
    entries.sort(key=lambda each: each.at_ms, reverse=True)
    return entries[:_MAX_ENTRIES], missing


def _read_kafka(services: Services, ids: list[str]) -> tuple[tuple[list[Change], list[WebSession]], str]:
    """Return changes and web sessions of the customer's ids, where Kafka can be asked, or why there are none."""
    kafka = services.settings.kafka
    try:
        changes = changes_of_customer(kafka, ids, timeout_s=_KAFKA_S, on_skipped=services.skipped.add)
        return (changes, sessions_of_customer(kafka, ids, timeout_s=_KAFKA_S)), ""
    except ShoalError:
        return ([], []), (
            "Kafka cannot be asked just now, so the moves stand here without their causes, and of the web sessions "
            "only the latest."
        )


def _segment_entries(history: list[dict[str, Any]]) -> list[Entry]:
    entries = []
    for newer, older in zip(history, [*history[1:], None], strict=True):
        before = older["segment"] if older else None
        what = f"Moved from {before} to {newer['segment']}" if before else f"First segment: {newer['segment']}"
        if before == newer["segment"]:
            what = f"Stays in {before}, whose id is a new one"
        cause = _CAUSES.get(newer["cause"] or "", "")
        why = f"{cause}: {newer['explanation']}" if cause and newer["explanation"] else cause
        entries.append(Entry(_ms(newer["since"]), "segment", what, why))
    return entries


def _merged_entries(merged: list[str], changes: list[Change]) -> list[Entry]:
    """Return the merges of other ids into this customer, and the moves of those ids before."""
    entries = []
    for each in history_of_merged(merged, changes):
        name = each["customer_id"]
        what, why = f"{name} moved to {each['segment']}", _CAUSES.get(each["cause"], "")
        if each["segment"] is None:
            what, why = f"{name} was merged into this customer", ""
        entries.append(Entry(_ms(each["since"]), "segment", what, why))
    return entries


def _sign_up_entry(record: dict[str, Any]) -> list[Entry]:
    when = record["signed_up"]
    return [] if when is None else [Entry(_ms(when), "profile", "Signed up")]


def _last_session_entry(record: dict[str, Any]) -> list[Entry]:
    """Return the session that the record itself remembers, for where Kafka does not have it any more."""
    when = record["last_session"]
    return [] if when is None else [Entry(_ms(when), "session", f"Latest web session, number {record['sessions']:,}")]


def _first_and_last_order_entries(record: dict[str, Any]) -> list[Entry]:
    """Return the orders that the record itself remembers, for where nobody keeps each."""
    known = [
        (record["first_order"], "First order"),
        (record["last_order"], f"Latest order, number {record['orders']:,}"),
    ]
    return [Entry(_ms(when), "order", what) for when, what in known if when is not None]


def _order_entry(order: dict[str, Any]) -> Entry:
    what = f"Order of {order['amount']:,.2f}"
    if order["cancelled"]:
        what += ", cancelled"
    elif order["refunded"]:
        what += f", {order['net']:,.2f} left after refunds"
    return Entry(_ms(order["placed_at"]), "order", what)


def _purchase_entry(purchase: Purchase) -> Entry:
    words = {
        "placed": "Order of {:,.2f}",
        "cancelled": "Order cancelled, {:,.2f}",
        "refunded": "Refund of {:,.2f}",
        "conversion": "Converted in an experiment, worth {:,.2f}",
    }
    kind = "order" if purchase.kind == "placed" else purchase.kind
    return Entry(purchase.at_ms, kind, words[purchase.kind].format(purchase.amount))


def _session_entry(session: WebSession) -> Entry:
    ended_ms = round(session.occurred_at.timestamp() * 1000)
    seconds = session.duration_s
    if seconds is None:
        seconds = (session.occurred_at - session.started_at).total_seconds()
    parts = ["1 page" if session.pages == 1 else f"{session.pages:,} pages"]
    parts += [f"{seconds / 60:,.0f} min" if seconds >= 60 else f"{seconds:.0f} s"]
    parts += [f"{session.cart_adds:,} into the cart"] if session.cart_adds else []
    parts += [f"by {session.source}"] if session.source else []
    return Entry(ended_ms, "session", f"Web session: {', '.join(parts)}")


def _ms(when: str) -> int:
    return round(datetime.fromisoformat(when).timestamp() * 1000)
