"""Tallies are read from all partitions at once and added up, whatever their size."""

from state.experiments.tally_store import TallyReading, TallyStore
from state.store import keys


def test_partitions_add_up_and_other_experiments_stay_out(redis):
    huge = 10**40
    redis.hset(keys.tally(0, "banner"), mapping={"A/s1": "2 1", "left_out:after_window": 3})
    redis.hset(keys.tally(2, "banner"), mapping={"A/s1": f"1 {huge}", "B/unknown": "4 -5", "left_out:after_window": 1})
    redis.hset(keys.tally(2, "other"), mapping={"A/s1": "9 9"})
    redis.hset(keys.tally(3, "banner"), mapping={"A/s1": "100 100"})
    assert TallyStore(redis).read("banner", 3) == TallyReading(
        {("A", "s1"): (3, huge + 1), ("B", "unknown"): (4, -5)}, {"after_window": 4}
    )


def test_nobody_exposed_is_an_empty_reading(redis):
    assert TallyStore(redis).read("banner", 3) == TallyReading({}, {})
