"""A simulated shop whose groups can be told apart by how often and how much they buy, as a table with the truth."""

import json
from datetime import UTC, datetime
from functools import cache

import numpy as np

from batch.event_log import EventLog
from simulation.groups import Buying, Group, Spend
from simulation.merging import TOPICS, TRUTH
from simulation.scenario import Scenario
from simulation.shop import Shop

from ..building import HALF_LIFE_MS

FEATURES = ("orders", "average_order_value")


@cache
def shop_table(customers=800, seed=1, days=300):
    """The table of a shop of four groups, and the true group of each of its customers."""
    log, groups = EventLog(half_life_ms=HALF_LIFE_MS), {}
    for batch in Shop(_scenario(), customers, seed, datetime(2025, 1, 1, tzinfo=UTC)).batches(days):
        for place, topic in enumerate(TOPICS):
            assert log.add(topic, batch.of(place).values.tolist()) == []
        for line in map(json.loads, batch.of(TRUTH).values):
            if line["kind"] == "customer":
                groups[line["customer_id"]] = line["group"]
    table = log.table()
    return table, np.array([groups[name] for name in table.ids])


def _scenario():
    made = (("regular", 1, 30, 1_170), ("everyday", 2, 60, 58.5), ("treat", 1, 300, 585), ("rare", 2, 400, 58.5))
    groups = [
        Group(
            name=name,
            share=share,
            buying=Buying(r=60, alpha=alpha),
            spend=Spend(p=10, q=40, gamma=gamma),
            joins_over_days=20,
        )
        for name, share, alpha, gamma in made
    ]
    return Scenario(name="known-groups", groups=groups)
