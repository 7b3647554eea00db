"""The benchmark of a re-baseline measures a whole one."""

import pytest
import redis as redis_py

from bench.job.fixed_job import BASELINE
from bench.job.stored_customers import buyer_rows, store_customers
from bench.speed.rebaseline import NOW_MS, Shop, rebaseline


@pytest.mark.slow
def test_everybody_is_read_fitted_and_assigned(redis_database_url):
    with redis_py.Redis.from_url(redis_database_url) as client:
        store_customers(Shop(client, BASELINE), 1_500, buyer_rows, NOW_MS)
    found = rebaseline(redis_database_url)
    assert found["customers"] == found["fitted"] == found["assigned"] == 1_500
    assert found["k"] >= 2
    assert min(found["read_s"], found["fit_s"], found["assign_s"]) >= 0
    assert 50 < found["peak_mb"] < 2_000
