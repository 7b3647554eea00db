"""Invariant 13: an order is one order, a session one session, however often and in whatever order it is told."""

import itertools
import random

from state.customers.records import unpack
from state.store import keys
from stream.customers.rfm_values import rfm_values
from tests.service import event_fields
from tests.shop import message, order, purchases, reference
from tests.waiting import PATIENCE_S


def told(customer, order_id, at, amount, event, **more):
    return order(customer, f"2026-03-{at:02}T10:00:00Z", amount, event_id=event, order_id=order_id, **more)


def visit(customer, session, minute, pages, event):
    return message(
        "web-sessions",
        event_id=event,
        customer_id=customer,
        session_id=session,
        started_at="2026-03-01T10:00:00Z",
        occurred_at=f"2026-03-01T10:{minute:02}:00Z",
        pages=pages,
        cart_adds=pages // 2,
    )


RELOADED = [told("reloaded", "SO-77", 1 + i, 59.90, f"view-{i}") for i in range(3)]
REFUNDED_AND_CANCELLED = [
    told("both", "100", 1, 80.0, "b1"),
    told("both", "101", 2, 20.0, "b2"),
    told("both", "100", 3, 80.0, "b3", type="refunded"),
    told("both", "100", 4, 80.0, "b4", type="cancelled"),
]
ONLY_CANCELLED = [told("elder", "before-shoal", 1, 75.0, "u1", type="cancelled")]
CANCELLED_FIRST = [
    told("late", "L1", 5, 75.0, "l1", type="cancelled"),
    told("late", "L1", 1, 75.0, "l2"),
    told("late", "L2", 2, 30.0, "l3"),
]
EDITED = [told("edited", "E1", 1, 50.0, "e1"), told("edited", "E1", 2, 45.5, "e2"), told("edited", "E2", 3, 10.0, "e3")]
CREDITED = [told("credited", "C1", 1, 30.0, "c1"), told("credited", None, 2, 100.0, "c2", type="refunded")]
HEAVY = [
    order("heavy", f"2025-{1 + i % 12:02}-{1 + i % 28:02}T00:00:{i % 60:02}Z", 1.0, event_id=f"h{i}", order_id=f"H{i}")
    for i in range(1_500)
]
GROWING = [visit("visitor", "S1", minute, minute + 1, f"beat-{minute}") for minute in range(8)]
RIGHT = {  # customer: frequency, monetary
    "reloaded": (1, 59.90),
    "both": (1, 20.0),
    "elder": (0, 0.0),
    "late": (1, 30.0),
    "edited": (2, 55.5),
    "credited": (1, 0.0),
    "heavy": (1_500, 1_500.0),
}
"""Of the heavy customer's 1,500 orders most have left the book when the log is sent again."""


def everything():
    tables = (RELOADED, REFUNDED_AND_CANCELLED, ONLY_CANCELLED, CANCELLED_FIRST, EDITED, CREDITED, HEAVY, GROWING)
    return [each for table in tables for each in table]


def assert_right(service) -> None:
    records = service.records()
    for customer, (frequency, monetary) in RIGHT.items():
        values = rfm_values(records[customer].reshape(1), 1_780_000_000_000)
        assert (values["frequency"][0], round(float(values["monetary"][0]), 2)) == (frequency, monetary), customer
    row = records["visitor"]
    assert (row["sessions"], row["pages"], row["duration_s"], row["cart_adds"]) == (1, 8, 420, 4)


def test_every_order_counts_once_after_shuffles_repeats_kills_and_two_workers(service):
    chance = random.Random(20_261_130)
    events = everything() + purchases()[:1_000]
    sent = events + everything() + chance.sample(events, 200)
    chance.shuffle(sent)
    small = {"SHOAL_BATCH_EVENTS": "100"}
    workers = [service.worker(**small), service.worker(**small)]
    cuts = [len(sent) * part // 4 for part in range(5)]
    for start, end in itertools.pairwise(cuts):
        service.publish(sent[start:end])
        target = chance.randrange(start, end - 100)
        while sum(service.stored().values()) < target:
            assert any(worker.running for worker in workers)
        victim = chance.randrange(2)
        workers[victim].kill()
        workers[victim] = service.worker(**small)
    ends = service.until_processed(PATIENCE_S)
    assert_right(service)
    outcomes = service.assert_outcomes_add_up(ends)
    assert outcomes["orders:unmatched"] == 1, "the cancellation of an order from before Shoal; the other was matched"
    service.assert_changes_agree()
    service.assert_model_is_sum_of_customers()


def test_orders_within_the_window_give_the_same_records_in_any_order(service):
    chance = random.Random(7)
    events = [each for each in everything() if each.key != "heavy"]
    sent = events + events
    chance.shuffle(sent)
    service.worker(SHOAL_BATCH_EVENTS="5")
    service.publish(sent)
    service.until_processed()
    assert event_fields(service.records()) == event_fields(reference(events))


def test_what_was_told_of_orders_can_be_seen(service):
    service.worker()
    service.publish(REFUNDED_AND_CANCELLED + ONLY_CANCELLED)
    service.until_processed()
    stored = {}
    for partition in range(service.kafka.partitions):
        stored |= service.redis.hgetall(keys.customers(partition))
    both = unpack(["both"], [stored[b"both"]])
    assert both.orders.lengths.tolist() == [2]
    assert both.returns.lengths.tolist() == [1]
    assert unpack(["elder"], [stored[b"elder"]]).returns.lengths.tolist() == [1]
