"""Smaller runs of `bench/statistics/honesty.py`, seeds fixed; beside the promise binomial error is allowed, 3 sigma."""

import math

import numpy as np
import pytest

from bench.statistics.interval_coverage import TRUTH, coverage, cuped_variance_ratio, small_count_coverage
from bench.statistics.planned_power import power_for_money
from bench.statistics.repeated_looks import (
    conversions,
    crossing_share,
    ever_rejects,
    family_wise_error,
    group_sequential_error,
    rate_sequence_misses,
    revenues,
    sample_ratio_alarms,
    sequential_family_wise_error,
    sequential_sample_ratio_alarms,
    stopping_customers,
)
from bench.statistics.sequence_coverage import exact_difference_misses, repeated_interval_misses, sequence_misses
from experiments.planning.sample_size import rate_baseline, sample_sizes
from experiments.planning.sample_size_formulas import sample_size_of_proportions, sequential_customers
from experiments.sequential.always_valid import always_valid, mixture_p_value
from experiments.sequential.always_valid_rates import two_rate_sequences
from experiments.sequential.group_sequential import obrien_fleming, pocock
from experiments.statistics.sample import Sample


def slack(share, runs):
    return 3 * math.sqrt(share * (1 - share) / runs)


@pytest.mark.parametrize("simulate", [conversions, revenues])
def test_looking_a_hundred_times_is_safe_by_the_sequence_and_not_by_the_plain_test(simulate):
    looks = simulate(11, 600, 100)
    assert ever_rejects(looks.always_valid()) <= 0.05
    assert ever_rejects(looks.naive()) > 0.25


def test_conversions_that_come_late_do_no_harm():
    looks = conversions(22, 600, 100, delay=10.0)
    at_once = conversions(22, 600, 100)
    assert ever_rejects(looks.always_valid()) <= 0.05
    # They do come late: the uncertainty is that of fewer conversions.
    assert looks.squared_error[:, 20].mean() < 0.8 * at_once.squared_error[:, 20].mean()


def test_the_simulation_computes_what_the_library_computes():
    looks = conversions(12, 3, 4, lift=0.2)
    run, look = 1, 2
    n, effect = looks.customers[run, look], looks.effect[run, look]
    half = looks.squared_error[run, look] * n / 4
    found = always_valid(Sample(int(n / 2), effect, half), Sample(int(n / 2), 0.0, half), 0.05)
    assert found.p_value == pytest.approx(looks.always_valid()[run, look], rel=1e-9)


def test_the_interval_leaves_out_zero_exactly_where_p_is_below_alpha():
    for effect in np.linspace(0.0, 0.2, 101):
        ours, theirs = Sample(1000, 1.0 + effect, 1.0), Sample(900, 1.0, 1.2)
        found = always_valid(ours, theirs)
        assert (found.interval.low > 0.0) == (found.p_value < 0.05)


def test_the_p_value_is_that_of_the_mixture_sprt():
    # Johari, Pekelis and Walsh (2022), equation 10, written out.
    tau2, v, d = 0.04, 0.0004, 0.1
    ratio = math.sqrt(v / (v + tau2)) * math.exp(tau2 * d**2 / (2 * v * (v + tau2)))
    assert mixture_p_value(d, v, 1.0, tau2 / v) == pytest.approx(min(1 / ratio, 1), rel=1e-9)


def test_a_sequence_is_tightest_where_it_was_tuned_to_be():
    arms = Sample(2500, 1.1, 1.0), Sample(2500, 1.0, 1.0)
    widths = {
        tuned: always_valid(*arms, expected_customers=tuned).interval.high
        for tuned in (500, 2_500, 5_000, 10_000, 50_000)
    }
    assert min(widths, key=widths.get) == 5_000


@pytest.mark.long
def test_exact_sequences_are_safe_from_the_first_customers_on():
    assert rate_sequence_misses(13, 2_000, 100) <= 0.05
    chance, found = np.random.default_rng(14), 0
    for _ in range(200):
        counts = chance.binomial(10, 0.03, (2, 40)).cumsum(axis=1)
        sizes = 10 * np.arange(1, 41)
        p_values = [
            two_rate_sequences(int(a), int(n), int(b), int(n)).p_value for a, b, n in zip(*counts, sizes, strict=True)
        ]
        found += min(p_values) < 0.05
    assert found / 200 <= 0.05


def test_a_healthy_split_is_not_accused_however_often_somebody_looks():
    healthy = conversions(29, 1_000, 100)
    assert sequential_sample_ratio_alarms(healthy) <= 0.001
    assert sample_ratio_alarms(healthy) > 0.003


def test_six_segments_err_together_no_more_than_one():
    plain, holm = family_wise_error(15, 5_000)
    assert plain > 0.2
    assert holm <= 0.05 + slack(0.05, 5_000)
    assert sequential_family_wise_error(16, 500)[1] <= 0.05


def test_planned_looks_spend_alpha_and_no_more():
    for share in group_sequential_error(17, 5_000).values():
        assert share == pytest.approx(0.05, abs=slack(0.05, 5_000))


def test_intervals_hold_the_truth_as_often_as_they_say():
    found = coverage(18, 400)
    for name, share in found.held.items():
        assert share >= 0.95 - slack(0.95, 400), name
    assert len(found.held) == 7
    assert small_count_coverage() >= 0.94


def test_always_valid_intervals_hold_the_truth_at_every_look():
    for name, share in sequence_misses(23, 150, 10).items():
        assert share <= 0.05, name
    assert exact_difference_misses(24, 100, 10, every=80) <= 0.05
    assert sequence_misses(25, 20, 2, every=4_000).keys() == TRUTH.keys()


def test_the_intervals_of_planned_looks_hold_the_truth_together():
    seen = conversions(26, 5_000, 5, every=4_000, lift=0.1)
    assert repeated_interval_misses(seen, 0.005) == pytest.approx(0.05, abs=slack(0.05, 5_000))
    assert repeated_interval_misses(seen, 0.0) > 0.2


@pytest.mark.parametrize(("looks", "spending"), [(1, obrien_fleming), (5, obrien_fleming), (5, pocock), (3, pocock)])
def test_planned_looks_have_their_power_at_the_size_computed_for_them(looks, spending):
    plan = sample_sizes(rate_baseline(0.05), 0.1, [0.5, 0.5], is_rate=True, looks=looks, spending=spending)
    seen = conversions(27, 5_000, looks, lift=0.1, every=math.ceil(plan.group_sequential / looks))
    assert crossing_share(seen, spending) == pytest.approx(0.8, abs=0.02)


def test_a_plan_for_money_has_its_power():
    _, _, power = power_for_money(28, 600)
    assert power == pytest.approx(0.8, abs=slack(0.8, 600))


def test_cuped_leaves_one_minus_rho_squared_of_the_variance():
    assert cuped_variance_ratio(19, 800, correlation=0.8) == pytest.approx(0.36, abs=0.06)


def test_a_sequential_test_has_its_power_and_mostly_ends_early():
    rate, lift = 0.1, 0.2
    bound = sequential_customers(Sample(1, rate, rate * (1 - rate)), lift)
    looks = conversions(20, 500, math.ceil(bound / 500), rate=rate, lift=lift)
    mean, power = stopping_customers(looks, 5_000, int(looks.customers[0, -1]))
    assert power == pytest.approx(0.8, abs=slack(0.8, 500))
    assert mean < 0.75 * bound
    double = conversions(21, 500, math.ceil(bound / 500), rate=rate, lift=2 * lift)
    fixed = 2 * sample_size_of_proportions(rate, lift)
    assert stopping_customers(double, 5_000, int(double.customers[0, -1]))[0] < 0.5 * fixed
