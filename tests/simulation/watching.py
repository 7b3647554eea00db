"""What tests see of a simulated shop: its events by topic, its truth, and small scenarios."""

import json
from collections import defaultdict
from datetime import UTC, datetime

import numpy as np

from events.time_units import DAY_MS
from simulation.customers.groups import Buying, Group, Returns, Spend, Visits
from simulation.event_merging import TOPICS, TRUTH
from simulation.scenarios.scenario import Scenario
from simulation.shop import Shop

START = datetime(2025, 1, 1, tzinfo=UTC)
START_MS = 1_735_689_600_000
UNSEEN = Visits(web_share=0)
KEPT = Returns(cancelled=0, refunded=0)


class Seen:
    """Everything that a shop gave out in some days."""

    def __init__(self, scenario, customers, days, seed=1, start=START):
        shop = Shop(scenario, customers, seed, start)
        self.scenario, self.days, self.head = scenario, days, shop.truth()
        self.values = defaultdict(list)
        self.stream = []
        for batch in shop.batches(days):
            for topic, time, key, value in zip(batch.topics, batch.times, batch.keys, batch.values, strict=True):
                name = "truth" if topic == TRUTH else TOPICS[topic]
                self.values[name].append(value)
                self.stream.append((name, int(time), key, value))
        self.events = {name: [json.loads(value) for value in values] for name, values in self.values.items()}
        lines = self.events.get("truth", [])
        self.customers = {line["customer_id"]: line for line in lines if line["kind"] == "customer"}
        self.left = {line["customer_id"]: line for line in lines if line["kind"] == "left"}
        self.placed = [order for order in self.events.get("orders", []) if order["type"] == "placed"]

    def members(self, group):
        """The ids of a group's customers."""
        return [name for name, line in self.customers.items() if line["group"] == group]

    def group(self, event):
        """The group of an event's customer."""
        return self.customers[event["customer_id"]]["group"]

    def orders_on(self, group, first, last):
        """The orders of a group from day `first` until before day `last`."""
        return [order for order in self.placed if self.group(order) == group and first <= day_of(order) < last]


def ms(text):
    """A time of an event as ms since 1970."""
    return round(datetime.fromisoformat(text).timestamp() * 1000)


def day_of(event):
    """The day of an event since the start."""
    return (ms(event["occurred_at"]) - START_MS) / DAY_MS


def group(name="all", **more):
    """A group of which nobody leaves, nobody is on the web, nothing comes back, and who all come on the first day."""
    plain = {
        "share": 1,
        "buying": Buying(r=2, alpha=4),
        "spend": Spend(p=6, q=20, gamma=100),
        "visits": UNSEEN,
        "returns": KEPT,
        "joins_over_days": 1,
    }
    return Group(name=name, **(plain | more))


def scenario(*groups, **more):
    """A scenario of such groups."""
    return Scenario(**({"name": "test", "groups": list(groups) or [group()]} | more))


def close(sample, expected, errors=4.0):
    """Whether the mean of a sample lies within so many standard errors of what is expected."""
    values = np.asarray(sample, np.float64)
    standard_error = values.std(ddof=1) / np.sqrt(len(values))
    return abs(values.mean() - expected) < errors * standard_error


def variance_close(sample, expected, errors=4.0):
    """Whether the variance of a sample is as expected, by the large-sample error of a variance."""
    values = np.asarray(sample, np.float64)
    squares = (values - values.mean()) ** 2
    return abs(squares.mean() - expected) < errors * squares.std() / np.sqrt(len(values))
