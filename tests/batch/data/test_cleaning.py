"""Cleaning: what is found is counted and listed, and what is done can be done again for one record live."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch.data.cleaning import clean
from batch.errors import FeatureMissing, NoCustomers
from batch.fit_options import FitOptions
from tests.building import RFM, examples, names

OPTIONS = [
    FitOptions(scaling=scaling, outliers=outliers, skew=skew)
    for scaling in ("standard", "robust")
    for outliers in ("winsorise", "isolate", "keep")
    for skew in ("keep", "yeo-johnson")
]


def ids(n):
    return np.array(names(n), object)


def cleaned(matrix, features=RFM, **options):
    return clean(np.asarray(matrix, float), list(features), ids(len(matrix)), FitOptions(**options))


def rows_of(found, step):
    return {row.feature: row for row in found.rows if row.step == step}


@pytest.fixture
def matrix():
    return np.random.default_rng(1).normal([3.0, 1.0, 5.0], [1.0, 0.5, 2.0], (400, 3))


def test_missing_values_are_counted_listed_and_kept_missing(matrix):
    matrix[[3, 7], 0] = np.nan
    found = cleaned(matrix)
    row = rows_of(found, "missing")["recency"]
    assert (row.customers, row.examples) == (2, ("c3", "c7"))
    assert np.isnan(found.standard[[3, 7], 0]).all()
    assert np.isnan(found.standard).sum() == 2


def test_at_most_ten_customers_are_listed(matrix):
    matrix[:50, 1] = np.nan
    row = rows_of(cleaned(matrix), "missing")["frequency"]
    assert (row.customers, len(row.examples)) == (50, 10)


def test_a_feature_that_nobody_has_is_refused_by_name(matrix):
    matrix[:, 2] = np.nan
    with pytest.raises(
        FeatureMissing, match="none of the 400 customers has a value of 'monetary'; leave the feature out"
    ):
        cleaned(matrix)


def test_nobody_is_refused():
    with pytest.raises(NoCustomers, match="no customers yet: publish"):
        cleaned(np.empty((0, 3)))


def test_an_age_that_nobody_reaches_counts_as_the_largest_possible():
    ages = np.linspace(20, 80, 300)
    ages[5] = 149.0
    found = cleaned(np.column_stack([ages, ages]), ["age", "income"], outliers="keep")
    row = rows_of(found, "impossible")["age"]
    assert (row.customers, row.examples) == (1, ("c5",))
    assert found.scale.upper.tolist() == [110.0, np.inf]


def test_one_order_of_a_billion_neither_stretches_the_scale_nor_is_dropped(matrix):
    plain = cleaned(matrix)
    odd = matrix.copy()
    odd[11, 2] = np.log1p(1e9)
    found = cleaned(odd)
    assert found.scale.scale[2] == pytest.approx(plain.scale.scale[2], rel=0.05)
    assert rows_of(found, "outliers")["monetary"].examples == ("c11",)
    assert len(found.standard) == 400
    assert found.standard[11, 2] < 5


def test_a_small_group_of_very_good_customers_is_not_pulled_in():
    """Four in a thousand, far beyond Tukey's fence: they are a segment, not an error."""
    values = np.random.default_rng(2).normal(1.0, 0.2, 5_000)
    values[:20] = 6.0
    assert cleaned(values[:, None], ["frequency"]).standard[:20, 0].min() == pytest.approx(
        (6.0 - values.mean()) / values.std(), rel=0.02
    )


def test_isolated_customers_are_set_aside_and_do_not_stretch_the_scale(matrix):
    plain = cleaned(matrix, outliers="isolate")
    odd = np.vstack([matrix, [[3.0, 1.0, 60.0]]])
    found = cleaned(odd, outliers="isolate")
    assert np.flatnonzero(found.isolated).tolist() == [400]
    assert found.scale.scale == pytest.approx(plain.scale.scale, rel=1e-6)


def test_nobody_is_set_aside_where_a_feature_would_be_left_without_values():
    matrix = [[1.0, np.nan], [1.1, np.nan], [0.9, np.nan], [50.0, 3.0]]
    assert not cleaned(matrix, ["frequency", "recency"], outliers="isolate").isolated.any()


@pytest.mark.parametrize("value", [0.0, 7.3, 30.0])
def test_a_feature_that_is_the_same_for_everyone_is_said_to_be_and_left_unscaled(matrix, value):
    matrix[:, 1] = value
    found = cleaned(matrix)
    assert "separates nobody" in rows_of(found, "constant")["frequency"].action
    assert (found.scale.center[1], found.scale.scale[1]) == (pytest.approx(value), 1.0)
    assert found.standard[:, 1] == pytest.approx(0.0, abs=1e-6)


def test_robust_scaling_is_by_median_and_quartiles(matrix):
    found = cleaned(matrix, scaling="robust", outliers="keep")
    first, middle, third = np.quantile(matrix, [0.25, 0.5, 0.75], axis=0)
    assert found.scale.center == pytest.approx(middle)
    assert found.scale.scale == pytest.approx((third - first) / 1.349)


def test_a_skewed_feature_is_straightened_where_that_is_asked_for():
    income = np.random.default_rng(3).lognormal(10.0, 1.0, 3_000)
    features = ["income"]
    kept, straight = (
        cleaned(income[:, None], features, skew=skew, outliers="keep") for skew in ("keep", "yeo-johnson")
    )
    assert kept.scale.power == (None,)
    assert straight.scale.power[0] == pytest.approx(0.0, abs=0.1), "the logarithm"
    assert abs(np.median(straight.standard)) < 0.1 < abs(np.median(kept.standard))


def test_the_logarithm_that_a_feature_has_already_is_reported(matrix):
    assert "log1p: skewness" in rows_of(cleaned(matrix), "skew")["monetary"].action


numbers = st.one_of(st.floats(-1e12, 1e12), st.just(np.nan), st.just(0.0))


@given(st.lists(st.tuples(numbers, numbers), min_size=1, max_size=40), st.sampled_from(OPTIONS))
@examples(200)
def test_whatever_the_values_the_result_is_finite_where_they_are_known(values, options):
    matrix = np.array(values, float)
    if np.isnan(matrix).all(axis=0).any():
        with pytest.raises(FeatureMissing):
            clean(matrix, ["age", "spending_score"], ids(len(matrix)), options)
        return
    found = clean(matrix, ["age", "spending_score"], ids(len(matrix)), options)
    assert (np.isnan(found.standard) == np.isnan(matrix)).all()
    assert np.isfinite(found.standard[~np.isnan(matrix)]).all()
    assert (found.scale.scale > 0).all()
    assert found.isolated.shape == (len(matrix),)
