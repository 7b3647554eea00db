"""Decayed sums: independent of order to the last bit, halved by a half-life, finite over all dates that are allowed."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.time_units import DAY_MS
from stream.customers.decay import LANDMARK_MS, contributions, decayed
from tests.building import HALF_LIFE_MS, NOW_MS, examples, ints

YEAR_1970_MS, YEAR_2090_MS = 0, 3_786_912_000_000
half_lives = st.floats(30, 3_650).map(lambda days: days * DAY_MS)
dates = st.integers(YEAR_1970_MS, YEAR_2090_MS)


def grouped(values, cuts):
    """The sum of values added up in groups first, as batches and partial records are."""
    edges = [0, *sorted({min(cut, len(values)) for cut in cuts}), len(values)]
    total = 0.0
    for start, end in itertools.pairwise(edges):
        part = 0.0
        for value in values[start:end]:
            part += value
        total += part
    return total


@given(
    st.lists(st.tuples(st.integers(1, 2**10), st.integers(0, int(10 * HALF_LIFE_MS))), min_size=1, max_size=60),
    st.randoms(use_true_random=False),
    st.lists(st.integers(0, 60), max_size=8),
)
@examples(100)
def test_the_sum_is_the_same_to_the_last_bit_in_any_order_and_grouping(events, random, cuts):
    """Amounts differ by up to 2^10 and weights by up to 2^10: contributions by up to 2^20."""
    values = contributions(
        ints([amount for amount, _ in events]), ints([NOW_MS - ago for _, ago in events]), HALF_LIFE_MS
    ).tolist()
    shuffled = random.sample(values, len(values))
    assert grouped(shuffled, cuts) == grouped(values, []) == float(np.sum(values))


@given(
    st.lists(st.tuples(st.integers(1, 2**10), st.integers(0, int(10 * HALF_LIFE_MS))), max_size=30),
    st.integers(1, 2**10),
)
@examples(50)
def test_what_is_put_in_can_be_taken_out_without_a_trace(events, amount):
    times = ints([NOW_MS - ago for _, ago in events] + [NOW_MS])
    values = contributions(ints([each for each, _ in events] + [amount]), times, HALF_LIFE_MS).tolist()
    total = grouped(values, [])
    assert total - values[-1] == grouped(values[:-1], [])


@given(st.integers(1, 10**12), dates, half_lives)
@examples(100)
def test_an_event_counts_as_its_value_when_it_happens_and_half_after_a_half_life(value, at_ms, half_life_ms):
    one = contributions(ints([value]), ints([at_ms]), half_life_ms)
    assert decayed(one, at_ms, half_life_ms)[0] == pytest.approx(value, rel=2**-16)
    later = decayed(one, at_ms + round(half_life_ms), half_life_ms)[0]
    assert later == pytest.approx(decayed(one, at_ms, half_life_ms)[0] / 2, rel=1e-9)


@given(
    st.lists(st.tuples(st.integers(0, 10**12), dates), min_size=1, max_size=10), st.sampled_from([30, 90, 365, 3_650])
)
@examples(100)
def test_sums_of_any_dates_and_half_lives_stay_finite(events, days):
    """Whatever warns of an overflow fails the test too."""
    half_life_ms = float(days * DAY_MS)
    sums = contributions(ints([value for value, _ in events]), ints([at for _, at in events]), half_life_ms).sum()
    assert np.isfinite(sums)
    seen = float(decayed(sums, max(at for _, at in events), half_life_ms))
    assert np.isfinite(seen)
    assert 0.0 <= seen <= 1.0001 * sum(value for value, _ in events)


@pytest.mark.parametrize("days", [30, 3_650])
@pytest.mark.parametrize("at_ms", [YEAR_1970_MS, LANDMARK_MS, YEAR_2090_MS])
def test_a_single_event_at_either_end_of_time_has_a_normal_weight(days, at_ms):
    one = contributions(ints([1]), ints([at_ms]), float(days * DAY_MS))
    assert one[0] >= np.finfo(np.float64).tiny
    assert decayed(one, at_ms, float(days * DAY_MS))[0] == pytest.approx(1.0, rel=2**-16)


def test_nothing_adds_nothing():
    assert contributions(ints([0]), ints([NOW_MS]), HALF_LIFE_MS).tolist() == [0.0]
    assert contributions(ints([]), ints([]), HALF_LIFE_MS).tolist() == []


def test_each_sum_may_be_seen_at_a_time_of_its_own():
    sums = contributions(ints([8, 8, 8]), ints([NOW_MS] * 3), HALF_LIFE_MS)
    times = NOW_MS + ints([0, 1, 2]) * int(HALF_LIFE_MS)
    assert decayed(sums, times, HALF_LIFE_MS) == pytest.approx([8, 4, 2], rel=2**-16)
