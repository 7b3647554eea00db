"""A seeded shop: what happens in it, and what is published of that, with repeats, shuffles and garbage."""

import json
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.deployment import Message

BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
DAYS = 90
VARIANTS = ("A", "B")
EXPERIMENT = {
    "id": "banner", "variants": [{"name": "A"}, {"name": "B"}], "control": "A", "attribution": "orders",
    "start": "2026-03-20T00:00:00+00:00", "stop": "2026-04-20T00:00:00+00:00",
    "window_days": 10, "retention_days": 14, "pre_period_days": 8,
}  # fmt: skip
COUNTRIES = ("DE", "FR", "PT")
MISPLACED, REPEATED, GARBAGE = 0.01, 0.10, 0.003

Event = dict[str, Any]


@dataclass
class Shop:
    """Events by (topic, event), who is merged into whom, who is to be erased, and the order of publication."""

    events: list[tuple[str, Event]] = field(default_factory=list)
    merges: dict[str, str] = field(default_factory=dict)
    erased: list[str] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    garbage: list[Message] = field(default_factory=list)


def make_shop(seed: int, count: int, partitions: int) -> Shop:
    """Return a shop with about `count` messages; the same seed gives the same shop."""
    chance = random.Random(seed)
    ids = [f"c{number:05}" for number in range(max(200, count // 14))]
    line = chance.sample(ids, len(ids))
    shop = Shop(erased=line[:3])  # they take part in no experiment: what they counted for stays in its sums
    made = _happenings(chance, ids, set(shop.erased))
    while len(shop.events) < count * 0.88:
        shop.events.append(next(made))
    places = chance.sample(range(3, len(line) - 1), len(line) // 20)
    shop.merges = {line[at]: line[chance.randrange(at + 1, min(at + 40, len(line)))] for at in places}
    shop.garbage = [_garbage(chance, number, line[3:]) for number in range(int(count * GARBAGE))]
    sent = [_message(topic, event) for topic, event in shop.events] + _identities(shop.merges)
    sent += chance.sample(sent, int(len(sent) * REPEATED))
    sent = [_misplaced(chance, each, partitions) if chance.random() < MISPLACED else each for each in sent]
    shop.messages = [*sent, *shop.garbage]
    chance.shuffle(shop.messages)
    return shop


def _happenings(chance: random.Random, ids: list[str], outside: set[str]) -> Iterator[tuple[str, Event]]:
    placed: list[Event] = []
    visits: list[Event] = []
    shown: dict[str, str] = {}
    number = 0
    while True:
        number += 1
        event = {"event_id": f"e{number}", "customer_id": chance.choice(ids), "occurred_at": _instant(chance)}
        draw = chance.random()
        if draw < 0.45 or not placed:
            amount = chance.randrange(100, 20_000) / 100
            event |= {"order_id": f"o{number}", "amount": amount, "currency": "EUR"}
            placed.append(event)
            yield "orders", event
        elif draw < 0.62:
            yield "orders", _about_an_order(chance, chance.choice(placed), event)
        elif draw < 0.75:
            visit = chance.choice(visits) if visits and draw < 0.66 else None  # a heartbeat of a visit that goes on
            event = _visit(chance, number, event, visit)
            visits.append(event)
            yield "web-sessions", event
        elif draw < 0.85 or event["customer_id"] in outside:
            yield "customers", event | _profile_fields(chance)
        elif draw < 0.93:
            variant = shown.setdefault(event["customer_id"], chance.choice(VARIANTS))
            if chance.random() < 0.02:
                variant = "B" if variant == "A" else "A"
            yield "exposures", event | {"experiment": "banner", "variant": variant}
        else:
            yield "conversions", event | {"experiment": "banner", "kind": "clicked"}


def _about_an_order(chance: random.Random, order: Event, event: Event) -> Event:
    """Send an order again, edit it, take some or all of it back, or credit its customer without naming one."""
    event = event | {"customer_id": order["customer_id"], "currency": "EUR"}
    kind = chance.choice(["again", "edited", "refunded", "refunded", "cancelled", "credited"])
    if kind == "again":
        return order | {"event_id": event["event_id"]}
    amount = chance.randrange(100, 15_000) / 100
    if kind == "edited":
        return event | {"order_id": order["order_id"], "amount": amount}
    if kind == "credited":
        return event | {"type": "refunded", "amount": round(amount / 10, 2)}
    return event | {"order_id": order["order_id"], "type": kind, "amount": amount}


def _visit(chance: random.Random, number: int, event: Event, before: Event | None) -> Event:
    if before is None:
        start = datetime.fromisoformat(event["occurred_at"]) - timedelta(minutes=5)
        return event | {"session_id": f"s{number}", "started_at": start.isoformat(), "pages": chance.randrange(1, 30)}
    later = datetime.fromisoformat(before["occurred_at"]) + timedelta(seconds=chance.randrange(1, 60))
    return before | {
        "event_id": event["event_id"],
        "occurred_at": later.isoformat(),
        "pages": before["pages"] + chance.randrange(1, 5),
    }


def _profile_fields(chance: random.Random) -> Event:
    fields: Event = {
        "age": chance.randrange(18, 90),
        "country": chance.choice(COUNTRIES),
        "city": f"city {chance.randrange(50)}",
        "consent": {"marketing": chance.random() < 0.8},
    }
    return {name: fields[name] for name in chance.sample(list(fields), 2)}


def _instant(chance: random.Random) -> str:
    """Return an instant of its own: nothing happens twice at the same millisecond."""
    return (BEGIN + timedelta(milliseconds=chance.randrange(DAYS * 86_400_000))).isoformat(timespec="milliseconds")


def _garbage(chance: random.Random, number: int, ids: list[str]) -> Message:
    topic = chance.choice(["orders", "web-sessions", "customers"])
    incomplete = {"event_id": f"g{number}"}
    value = chance.choice([f"no JSON {number}", json.dumps(incomplete), json.dumps(incomplete | {"amount": -1})])
    return Message(topic, chance.choice(ids), value.encode())


def _identities(merges: Mapping[str, str]) -> list[Message]:
    return [
        _message("identities", {
            "event_id": f"{previous}->{survivor}", "customer_id": survivor, "previous_id": previous,
            "occurred_at": "2026-05-30T00:00:00+00:00",
        })
        for previous, survivor in merges.items()
    ]  # fmt: skip


def _message(topic: str, event: Event) -> Message:
    return Message(topic, event["customer_id"], json.dumps(event).encode())


def _misplaced(chance: random.Random, message: Message, partitions: int) -> Message:
    if message.topic == "identities":  # has one partition
        return message
    return message._replace(partition=chance.randrange(partitions))
