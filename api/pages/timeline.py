"""A customer's timeline: orders, the web session, and every move between segments with its cause."""

from datetime import datetime
from typing import Any, NamedTuple

from api.purchases import Purchase, purchases_of
from api.services import Services
from consumers.change_log import changes_of_customer
from events.errors import ShoalError
from stream.history import with_changes

__all__ = ["Entry", "timeline_of"]

_MOST = 100
_CAUSES = {
    "activity": "by what it did",
    "time": "by doing nothing",
    "model": "because the segments moved",
    "baseline": "because of a new baseline",
    "correction": "because of a correction",
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
    history, missing = _moves(services, document)
    entries = [*_milestones(document["record"]), *history]
    purchases = purchases_of(services.store, document["customer_id"], services.partitions)
    entries += [_bought(each) for each in purchases] or _orders_known(document["record"])
    entries.sort(key=lambda each: each.at_ms, reverse=True)
    return entries[:_MOST], missing


def _moves(services: Services, document: dict[str, Any]) -> tuple[list[Entry], str]:
    """Return the moves, with causes where Kafka can be asked for the changes."""
    history, missing = document["history"], ""
    try:
        partition = services.partition_of(document["customer_id"])
        changes = changes_of_customer(services.settings.kafka, partition, document["customer_id"])
        history = with_changes(history, changes)
    except ShoalError:
        missing = "Kafka cannot be asked just now, so the moves stand here without their causes."
    entries = []
    for newer, older in zip(history, [*history[1:], None], strict=True):
        before = older["segment"] if older else None
        what = f"Moved from {before} to {newer['segment']}" if before else f"First segment: {newer['segment']}"
        if before == newer["segment"]:
            what = f"Stays in {before}, whose id is a new one"
        cause = _CAUSES.get(newer["cause"] or "", "")
        why = f"{cause}: {newer['explanation']}" if cause and newer["explanation"] else cause
        entries.append(Entry(_ms(newer["since"]), "segment", what, why))
    return entries, missing


def _milestones(record: dict[str, Any]) -> list[Entry]:
    known = [
        (record["signed_up"], "profile", "Signed up"),
        (record["last_session"], "session", f"Latest web session, number {record['sessions']:,}"),
    ]
    return [Entry(_ms(when), kind, what) for when, kind, what in known if when is not None]


def _orders_known(record: dict[str, Any]) -> list[Entry]:
    """Return the orders that the record itself remembers, for where no experiment consumer keeps each."""
    known = [
        (record["first_order"], "First order"),
        (record["last_order"], f"Latest order, number {record['orders']:,}"),
    ]
    return [Entry(_ms(when), "order", what) for when, what in known if when is not None]


def _bought(purchase: Purchase) -> Entry:
    words = {
        "placed": "Order of {:,.2f}",
        "cancelled": "Order cancelled, {:,.2f}",
        "refunded": "Refund of {:,.2f}",
        "conversion": "Converted in an experiment, worth {:,.2f}",
    }
    kind = "order" if purchase.kind == "placed" else purchase.kind
    return Entry(purchase.at_ms, kind, words[purchase.kind].format(purchase.amount))


def _ms(when: str) -> int:
    return round(datetime.fromisoformat(when).timestamp() * 1000)
