"""Arms of uneven size: no more false findings than even ones, whatever customers spend."""

import math

import numpy as np
import pytest

from bench.statistics.early_findings import early_findings
from bench.statistics.uneven_effects import misses, power
from bench.statistics.uneven_splits import (
    ALPHA,
    DISTRIBUTIONS,
    SHARES,
    Arms,
    false_findings,
    p_values,
    readings,
    simulated,
    spent,
)
from experiments import Metric, NotComputable, Tally
from experiments.reporting.comparison import compare
from experiments.sequential.always_valid import always_valid
from experiments.sequential.always_valid_rates import log_evidence, two_rate_sequences
from experiments.statistics.metric_samples import cuped_samples, samples
from experiments.statistics.sample import Sample
from experiments.statistics.unequal_allocation import effective_customers, pooled_if_uneven
from tests.experiments.tallying import counts, experiment, shop

RUNS = 400
BOUND = ALPHA + 3 * math.sqrt(ALPHA * (1 - ALPHA) / RUNS)


@pytest.mark.slow
@pytest.mark.parametrize("split", ["1:9", "1:20", "1:99"])
@pytest.mark.parametrize(
    "distribution",
    ["rate of 10%", "revenue, log-normal sigma 1", "revenue, log-normal sigma 2", "revenue, 5% buy, sigma 1",
     "revenue with refunds", "revenue with one whale", "revenue, two prices"],
)  # fmt: skip
def test_unequal_allocation_find_no_more_than_alpha_however_often_somebody_looks(split, distribution):
    assert max(false_findings(31, RUNS, distribution, SHARES[split])) <= BOUND


@pytest.mark.slow
@pytest.mark.parametrize(
    ("split", "distribution"),
    [
        ("1:20", "revenue, 5% buy, sigma 1"),
        ("1:20", "revenue, log-normal sigma 2"),
        ("1:99", "revenue, log-normal sigma 2"),
    ],
)
def test_a_small_arms_own_variance_would_find_differences_that_are_not_there(split, distribution):
    draw, is_rate, customers = DISTRIBUTIONS[distribution]
    ours, theirs = simulated(np.random.default_rng(32), RUNS, draw, customers, SHARES[split])
    found = p_values(ours, theirs, is_rate=is_rate, pooled_too=False) < ALPHA
    assert found.any(axis=1).mean() > 0.1
    first = found.argmax(axis=1)[found.any(axis=1)]
    lower = (ours.mean < theirs.mean)[np.flatnonzero(found.any(axis=1)), first]
    assert lower.mean() > 0.95, "they say that the treatment is lower"


@pytest.mark.slow
def test_even_arms_lose_no_power_by_it():
    draw, is_rate, _ = DISTRIBUTIONS["revenue, 5% buy, sigma 1"]
    found = power(33, 100, draw, is_rate, 20_000, 0.5, 0.5)
    assert found.found > 0.5
    assert found.customers == pytest.approx(found.customers_unpooled, rel=0.02)


@pytest.mark.parametrize("distribution", ["rate of 10%", "rate of 50%", "revenue, two prices"])
@pytest.mark.parametrize("share", [0.5, 0.1])
def test_the_simulation_computes_what_a_report_computes(distribution, share):
    draw, is_rate, _ = DISTRIBUTIONS[distribution]
    arms = simulated(np.random.default_rng(34), 3, draw, 6_000, share, 0.3)
    found = p_values(*arms, is_rate=is_rate)
    metric = Metric.CONVERSION_RATE if is_rate else Metric.REVENUE_PER_CUSTOMER
    checked = 0
    for run in range(3):
        for look in range(20, len(readings(6_000)), 300):
            pair = tuple(_tally(Arms(*(each[run, look] for each in arm[:4]))) for arm in arms)
            said = compare(experiment(primary_metric=metric), "B", metric, pair, "primary").sequential
            if said.p_value is not None:
                assert said.p_value == pytest.approx(found[run, look], rel=1e-6)
                checked += said.p_value < 1.0
    assert checked > 3


def _tally(arm):
    cents = round(arm.total * 1000)
    return Tally(
        exposed=int(arm.customers), converted=int(arm.buyers), orders=int(arm.buyers), order_squares=int(arm.buyers),
        revenue=cents, revenue_squares=round(arm.squares * 1e6), revenue_orders=cents,
    )  # fmt: skip


def test_even_arms_have_the_figures_of_the_textbook_and_uneven_ones_the_larger_error():
    one, other = Sample(1_000, 5.0, 4.0), Sample(1_400, 5.0, 9.0)
    assert pooled_if_uneven([one, other]) == [one, other]
    small, large = Sample(100, 5.0, 4.0), Sample(9_900, 5.0, 9.0)
    pooled = pooled_if_uneven([small, large])
    assert pooled[0].variance == pooled[1].variance == pytest.approx((99 * 4 + 9_899 * 9) / 9_998)
    noisy = [Sample(100, 5.0, 90.0), large]
    assert pooled_if_uneven(noisy) == noisy
    assert effective_customers([100, 9_900]) == pytest.approx(396)


def test_reports_pool_the_variance_of_uneven_arms():
    control, treatment = shop(35, 20_000), shop(36, 400)
    for metric in Metric:
        pair = samples(metric, treatment, control)
        assert pair[0].variance == pair[1].variance or pair[0].variance > pair[1].variance, metric
    adjusted = cuped_samples(treatment, control)
    assert adjusted.treatment.variance >= adjusted.control.variance
    row = compare(experiment(), "B", Metric.REVENUE_PER_CUSTOMER, (treatment, control), "primary")
    assert row.method in {"welch", "welch_pooled"}
    assert row.sequential.ci == always_valid(*samples(Metric.REVENUE_PER_CUSTOMER, treatment, control)).interval


def test_a_sequence_of_two_rates_has_its_interval_where_its_p_value_is():
    rejected = 0
    for ours in range(0, 41, 2):
        for theirs in range(0, 61, 3):
            found = two_rate_sequences(ours, 40, theirs, 60)
            low, high = found.interval
            assert low <= found.effect <= high
            assert (found.p_value < ALPHA) == (not low <= 0.0 <= high)
            rejected += found.p_value < ALPHA
    assert 50 < rejected < 350


@pytest.mark.parametrize("sums", [(3, 100, 20, 200), (0, 50, 9, 40), (30, 30, 5, 400), (500, 1_000, 300, 900)])
def test_the_ends_of_the_interval_of_two_rates_are_the_extremes_of_what_the_evidence_allows(sums):
    """By brute force: of all pairs of rates on a grid, those that both arms together do not reject."""
    successes, n, few, m = sums
    grid = (np.arange(2_000) + 0.5) / 2_000
    evidence = log_evidence(successes, n, grid)[:, None] + log_evidence(few, m, grid)[None, :]
    allowed = (grid[:, None] - grid[None, :])[evidence < math.log(1 / ALPHA)]
    assert list(two_rate_sequences(*sums).interval) == pytest.approx([allowed.min(), allowed.max()], abs=2e-3)


def test_an_interval_of_rates_holds_only_what_rates_can_differ_by():
    row = compare(
        experiment(), "B", Metric.RETENTION, (counts(14, 0, retained=7), counts(28, 0, retained=12)), "primary"
    )
    assert (row.sequential.method, row.sequential.ci) == ("asymptotic", (-1.0, 1.0))


def test_everybody_against_nobody_is_a_difference():
    row = compare(experiment(), "B", Metric.CONVERSION_RATE, (counts(1_000, 1_000), counts(1_000, 0)), "primary")
    assert (row.sequential.effect, row.sequential.cannot_say, row.sequential.method) == (1.0, None, "beta_binomial")
    assert row.sequential.ci.low > 0.95
    assert row.sequential.p_value < 1e-100
    nobody = compare(experiment(), "B", Metric.CONVERSION_RATE, (counts(1_000, 0), counts(1_000, 0)), "primary")
    assert (nobody.sequential.p_value, nobody.cannot_say) == (1.0, "zero_variance")


@pytest.mark.slow
def test_findings_below_the_minimum_are_many_times_the_truth():
    rows = {row.least: row for row in early_findings(37, 1_000, 0.5, 0.1)}
    assert rows[0].times_the_truth > 10
    assert rows[1_000].times_the_truth < 1.5
    assert not isinstance(two_rate_sequences(1, 2, 0, 2), NotComputable)


@pytest.mark.slow
@pytest.mark.parametrize("lift", [0.5, -0.5])
def test_intervals_of_revenue_hold_the_truth_from_the_minimum_of_buyers_on(lift):
    """Of few buyers with sigma 2 the largest are yet to come, in both arms, so that the effect looks smaller."""
    draw, mean = spent(2.0, 0.05), 0.05 * math.exp(5.0)
    found = {split: misses(38, 200, draw, mean, 8_000, SHARES[split], lift) for split in ("1:1", "1:9")}
    assert experiment().minimum_buyers == 50
    assert all(each[50] <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 200) for each in found.values())
    assert lift > 0 or found["1:1"][5] > 0.12
