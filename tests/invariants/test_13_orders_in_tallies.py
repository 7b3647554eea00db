"""Invariant 13, experiments: an order is one order in a tally too; and ids that stand for nobody are refused."""

import itertools
import json
import random

from consumers.broker.consumer_lag import behind, end_offsets
from events.topics.specs import EXPERIMENT_INPUTS
from tests.deployment import Message
from tests.invariants.test_09_tallies_are_exact import assert_outcomes_add_up, declare, found, stored, tie
from tests.invariants.test_13_an_order_is_one_order import (
    CANCELLED_FIRST,
    CREDITED,
    EDITED,
    ONLY_CANCELLED,
    REFUNDED_AND_CANCELLED,
    RELOADED,
    told,
)
from tests.shop import message, order
from tests.tally_oracle import tallied

BANNER = {
    "id": "banner", "variants": [{"name": "A"}, {"name": "B"}], "control": "A", "attribution": "orders",
    "start": "2026-03-01T00:00:00Z", "stop": "2026-03-20T00:00:00Z",
    "window_days": 10, "retention_days": 14, "pre_period_days": 8,
}  # fmt: skip
SHOWN = {"reloaded": "A", "both": "B", "elder": "B", "late": "B", "edited": "B", "credited": "B", "torn": "AB"}
NOBODY = ("null", "undefined", "[object Object]", "guest", " ", "0", "-", "{}")


def exposures():
    return [
        message(
            "exposures",
            event_id=f"x-{customer}-{variant}",
            customer_id=customer,
            occurred_at=f"2026-03-01T0{hour}:00:00Z",
            experiment="banner",
            variant=variant,
        )
        for customer, variants in SHOWN.items()
        for hour, variant in enumerate(variants, 8)
    ]


def test_orders_in_a_tally_count_once_after_shuffles_repeats_and_kills(service):
    chance = random.Random(21)
    orders = [*RELOADED, *REFUNDED_AND_CANCELLED, *ONLY_CANCELLED, *CANCELLED_FIRST, *EDITED, *CREDITED]
    orders.append(told("torn", "t1", 2, 500.0, "t1"))
    nobodys = [order(each, "2026-03-02T10:00:00Z", event_id=f"n{i}") for i, each in enumerate(NOBODY)]
    declare(service, BANNER)
    events = [*orders, *exposures()]
    sent: list[Message] = [*events * 4, *nobodys]
    chance.shuffle(sent)
    small = {"SHOAL_BATCH_EVENTS": "5"}
    running = [service.worker(**small), service.worker(**small)]
    running += [service.spawn("experiments", **small), service.spawn("experiments", **small)]
    cuts = [len(sent) * part // 4 for part in range(5)]
    for start, end in itertools.pairwise(cuts):
        service.publish(sent[start:end])
        while sum(stored(service).values()) < (start + end) // 2:
            assert any(each.running for each in running[2:])
        if end < len(sent):
            for victim in (chance.randrange(2), chance.randrange(2, 4)):
                running[victim].kill()
                running[victim] = service.worker(**small) if victim < 2 else service.spawn("experiments", **small)
    ends = end_offsets(service.kafka, EXPERIMENT_INPUTS)
    service.until(lambda: not behind(ends, stored(service)), what="everything tallied")
    service.until_processed()

    cells, left_out = found(service, "banner")
    sums = {}
    for (variant, _), values in cells.items():
        sums[variant] = tuple(map(sum, zip(sums.get(variant, (0,) * 13), values, strict=True)))
    exposed, converted, revenue, orders_kept, contaminated = 0, 1, 3, 5, 11
    picked = (exposed, converted, revenue, orders_kept, contaminated)
    assert {variant: tuple(values[i] for i in picked) for variant, values in sums.items()} == {
        "A": (2, 2, 559_900, 2, 1),
        "B": (5, 4, 20_000 + 30_000 + 55_500 + 30_000, 5, 0),
    }
    assert left_out == {"unmatched_refund": 2}, "the order from before Shoal, and the credit note"
    plain = [(each.topic, json.loads(each.value)) for each in events]
    right, _ = tallied(plain, BANNER, tie=tie)
    assert sums == {variant: values for (variant, _), values in right.items()}
    assert_outcomes_add_up(service, ends)

    assert service.records().keys() == SHOWN.keys(), "nobody who has no id is a customer"
    reasons = {(letter.key, letter.reason.split(";")[0]) for letter in service.dead_letters()}
    assert len(reasons) == len(NOBODY)
    assert all("stands for a missing id" in reason for _, reason in reasons)
