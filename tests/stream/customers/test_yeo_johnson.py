"""The Yeo-Johnson transform, against scipy's."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy.stats import yeojohnson

from stream.customers.yeo_johnson import inverse_yeo_johnson, yeo_johnson
from tests.building import examples


@given(st.lists(st.floats(-1e4, 1e4), min_size=1, max_size=20), st.floats(-3, 4))
@example([1.0], 5e-324)
@examples(150)
def test_it_is_scipys(values, power):
    assert yeo_johnson(np.array(values), power) == pytest.approx(
        yeojohnson(np.array(values), power), rel=1e-6, abs=1e-6
    )


@given(st.floats(-3, 5), st.floats(-1e3, 1e3), st.floats(1e-3, 1e3))
@examples(150)
def test_a_larger_value_stays_the_larger(power, value, more):
    low, high = yeo_johnson(np.array([value, value + more]), power)
    assert low <= high


def test_what_is_not_known_stays_so_and_one_changes_nothing():
    values = np.array([np.nan, -2.5, 0.0, 7.0])
    assert yeo_johnson(values, 1.0) == pytest.approx(values, nan_ok=True)
    assert np.isnan(yeo_johnson(values, 0.3)[0])


@given(st.lists(st.floats(-50, 50), min_size=1, max_size=20), st.floats(-2, 4))
@example([1.0], 5e-324)
@examples(150)
def test_the_inverse_gives_the_values_back(values, power):
    back = inverse_yeo_johnson(yeo_johnson(np.array(values), power), power)
    assert back == pytest.approx(values, rel=1e-4, abs=1e-4)


@pytest.mark.parametrize(("power", "beyond"), [(-5.0, 1e6), (-0.5, 2.1), (2.5, -2.1), (7.0, -1e6)])
def test_beyond_the_range_the_inverse_is_finite_and_past_every_value_within_it(power, beyond):
    found = inverse_yeo_johnson(np.array([beyond, np.nan]), power)
    assert np.isfinite(found[0])
    assert abs(found[0]) > abs(inverse_yeo_johnson(yeo_johnson(np.array([np.sign(beyond) * 50.0]), power), power)[0])
    assert np.isnan(found[1])
