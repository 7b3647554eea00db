"""Events for tests: the CDNOW sample's purchases, with web sessions, profiles and refunds made up beside them."""

import json
import random
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

import numpy as np

from cli.formats.cdnow import read_cdnow, sample_path
from consumers.inputs.currency_conversion import Money
from consumers.inputs.customers import ProfileInput
from consumers.inputs.orders import OrderInput
from consumers.inputs.web_sessions import SessionInput
from consumers.merges.messages import with_customer_id
from state.customers.records import blank_rows
from stream.customers.fold import fold, merge
from tests.deployment import Message
from tests.service import HALF_LIFE_MS

FAR_MS = 4_000_000_000_000


def purchases() -> list[Message]:
    """Return the 6,919 purchases of the CDNOW sample, by date."""
    return [
        Message("orders", order.customer_id, order.model_dump_json(exclude_none=True).encode())
        for order in read_cdnow(sample_path())
    ]


def shop_events(seed: int = 7, sessions: int = 2_000, profiles: int = 500, refunds: int = 300) -> list[Message]:
    """Return the purchases, and made-up sessions, profiles and refunds of the same customers."""
    chance = random.Random(seed)
    bought = purchases()
    ids = sorted({message.key for message in bought})
    made = [_session(chance, i, chance.choice(ids)) for i in range(sessions)]
    made += [_profile(chance, i, chance.choice(ids)) for i in range(profiles)]
    made += [_take_back(chance, json.loads(each.value)) for each in chance.sample(bought, refunds)]
    return bought + made


def message(topic: str, **event: object) -> Message:
    """Return an event as a message keyed by its customer."""
    return Message(topic, str(event["customer_id"]), json.dumps(event).encode())


def order(customer_id: str, at: str | datetime, amount: float | str = 10.0, **more: object) -> Message:
    """Return an order; its id is made of customer, time and amount."""
    when = at if isinstance(at, str) else at.isoformat()
    name = f"{customer_id}/{when}/{amount}"
    return message(
        "orders",
        **({"event_id": name, "customer_id": customer_id, "occurred_at": when, "order_id": name} | more),
        amount=amount,
        currency="USD",
    )


def identity(previous_id: str, customer_id: str, at: str = "2026-03-20T10:00:00Z") -> Message:
    """Return the event that two ids are one person."""
    event_id = f"{previous_id}->{customer_id}"
    return message("identities", event_id=event_id, customer_id=customer_id, previous_id=previous_id, occurred_at=at)


def under_survivors(messages: Sequence[Message], merges: Mapping[str, str]) -> list[Message]:
    """Return events as if each had been published under the id that its customer goes on under."""

    def person(customer_id: str) -> str:
        while customer_id in merges:
            customer_id = merges[customer_id]
        return customer_id

    return [
        each._replace(key=person(each.key), value=with_customer_id(each.value, person(each.key))) for each in messages
    ]


def reference(messages: Sequence[Message]) -> dict[str, np.void]:
    """Return every customer's record by folding all messages at once, repeats left out: what any replay must give."""
    inputs = {each.topic: each for each in (OrderInput(Money("USD", {}, str), 1 << 20), SessionInput(1 << 20))}
    inputs["customers"] = ProfileInput(1 << 20)
    ids = sorted({each.key for each in messages})
    slot = {name: place for place, name in enumerate(ids)}
    rows = blank_rows(len(ids))
    for topic, source in inputs.items():
        values = list(dict.fromkeys(each.value for each in messages if each.topic == topic))
        columns = source.decode(values, FAR_MS).columns
        owners = np.array([slot[name] for name in columns.customer_ids], np.int64)
        if len(columns):
            rows = merge(rows, fold(columns, owners, len(ids), HALF_LIFE_MS))
    return dict(zip(ids, rows, strict=True))


def _time(chance: random.Random) -> datetime:
    return datetime(1997, 1, 1, tzinfo=UTC) + timedelta(seconds=chance.randrange(540 * 86_400))


def _session(chance: random.Random, i: int, customer_id: str) -> Message:
    end = _time(chance)
    start = end - timedelta(seconds=chance.randrange(1, 3_600))
    extra = {"duration_s": chance.randrange(3_600)} if chance.random() < 0.5 else {}
    return message(
        "web-sessions",
        event_id=f"session-{i}",
        customer_id=customer_id,
        occurred_at=end.isoformat(),
        session_id=f"session-{i}",
        started_at=start.isoformat(),
        pages=chance.randrange(1, 40),
        cart_adds=chance.randrange(4),
        **extra,
    )


def _profile(chance: random.Random, i: int, customer_id: str) -> Message:
    return message(
        "customers",
        event_id=f"profile-{i}",
        customer_id=customer_id,
        occurred_at=_time(chance).isoformat(),
        signed_up_at="1996-12-24T12:00:00+01:00",
        age=chance.randrange(18, 90),
        income=chance.randrange(10_000, 90_000),
        country=chance.choice(["US", "CA", "GB"]),
    )


def _take_back(chance: random.Random, bought: dict[str, str]) -> Message:
    """Cancel a purchase, refund part of it or more than it was, or credit its customer without naming an order."""
    kind = chance.choice(["refunded", "cancelled", "credited"])
    name = f"{kind}-{bought['order_id']}"
    amount = round(chance.uniform(1, 40), 2)
    named = {} if kind == "credited" else {"order_id": bought["order_id"]}
    return message(
        "orders",
        event_id=name,
        customer_id=bought["customer_id"],
        occurred_at=_time(chance).isoformat(),
        type="cancelled" if kind == "cancelled" else "refunded",
        amount=amount,
        currency=bought["currency"],
        **named,
    )
