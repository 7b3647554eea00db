"""The load beside a re-baseline: newcomers are nobody whom Redis holds already."""

from datetime import UTC, datetime

import numpy as np

from bench.job.fixed_job import CUSTOMERS
from bench.speed.latency import latency_orders

START = datetime(2026, 1, 1, tzinfo=UTC)


def test_two_of_five_orders_are_the_only_one_of_a_customer_beyond_those_who_are_there():
    orders = latency_orders(1_000, START, newcomers=1_000_000)
    new = orders.who[orders.who >= 1_000_000]
    assert sorted(new.tolist()) == list(range(1_000_000, 1_000_400))
    assert (orders.who[orders.who < 1_000_000] < CUSTOMERS).all()
    assert np.array_equal(latency_orders(1_000, START).who[orders.who < 1_000_000], orders.who[orders.who < 1_000_000])
