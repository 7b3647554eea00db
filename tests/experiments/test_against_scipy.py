"""scipy and statsmodels, from single customers where we have only sums, compute the same numbers."""

import numpy as np
import pytest
from scipy import integrate, stats
from statsmodels.regression.linear_model import OLS
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.oneway import anova_oneway
from statsmodels.stats.power import NormalIndPower
from statsmodels.stats.proportion import power_proportions_2indep
from statsmodels.stats.proportion import test_proportions_2indep as proportions_2indep
from statsmodels.stats.weightstats import CompareMeans, DescrStatsW

from experiments import Metric, NotComputable, Reason, Tally
from experiments.planning.sample_size_formulas import (
    minimum_detectable_effect,
    sample_size_of_means,
    sample_size_of_proportions,
)
from experiments.sequential.always_valid import always_valid
from experiments.sequential.always_valid_rates import log_evidence, rate_sequence
from experiments.sequential.heterogeneity import against_the_rest, cochran_q
from experiments.statistics.bayes import beta_binomial, normal
from experiments.statistics.cuped import adjusted_revenue
from experiments.statistics.lift import fieller_lift
from experiments.statistics.means import welch
from experiments.statistics.metric_samples import measure
from experiments.statistics.multiplicity import adjusted_p_values
from experiments.statistics.omnibus_tests import chi_squared, welch_anova
from experiments.statistics.proportions import fisher, two_proportions, wilson
from experiments.statistics.sample import Sample
from experiments.statistics.sample_ratio_mismatch import CONCENTRATION, sample_ratio, sequential_sample_ratio


class Shop:
    """Customers one by one, and their tally."""

    def __init__(self, seed: int, n: int, spend: float = 20.0):
        chance = np.random.default_rng(seed)
        self.orders = chance.poisson(0.4, n)
        self.before = np.rint(1000 * chance.gamma(2.0, 15.0, n)).astype(np.int64)
        value = np.rint(1000 * chance.gamma(2.0, spend / 2.0, n)).astype(np.int64) + self.before // 4
        self.revenue = value * self.orders
        self.tally = Tally.of_customers(self.revenue, self.orders, pre_revenue=self.before)

    def measured(self, metric):
        return measure(metric, self.tally)


OURS, THEIRS, THIRD = Shop(1, 700, spend=23.0), Shop(2, 900), Shop(3, 500)


def test_welch_on_sums_is_welch_on_customers():
    metric = Metric.REVENUE_PER_CUSTOMER
    ours = welch(OURS.measured(metric), THEIRS.measured(metric), alpha=0.1)
    scipy = stats.ttest_ind(OURS.revenue / 1000, THEIRS.revenue / 1000, equal_var=False)
    assert ours.p_value == pytest.approx(scipy.pvalue, rel=1e-10)
    assert ours.interval == pytest.approx(tuple(scipy.confidence_interval(0.9)), rel=1e-10)
    both = CompareMeans(DescrStatsW(OURS.revenue / 1000), DescrStatsW(THEIRS.revenue / 1000))
    assert ours.interval == pytest.approx(both.tconfint_diff(alpha=0.1, usevar="unequal"), rel=1e-10)


def test_z_test_and_interval_are_those_of_statsmodels():
    ours = two_proportions(120, 1000, 90, 1100, alpha=0.1)
    assert ours.p_value == pytest.approx(stats.chi2_contingency([[120, 880], [90, 1010]], correction=False).pvalue)
    low, high = (wilson(s, n, 0.1) for s, n in ((120, 1000), (90, 1100)))
    # Newcombe's method 10 is made of the two Wilson intervals.
    ours_low = ours.effect - np.hypot(0.12 - low.low, high.high - 90 / 1100)
    assert ours.interval.low == pytest.approx(ours_low, rel=1e-10)
    score = proportions_2indep(120, 1000, 90, 1100, method="score", correction=False)
    assert ours.p_value == pytest.approx(score.pvalue, rel=1e-2)


@pytest.mark.parametrize("counts", [(3, 40, 0, 45), (1, 9, 7, 11), (0, 30, 4, 20), (5, 5, 1, 6)])
def test_fisher_enumerates_every_table(counts):
    successes, n, control_successes, control_n = counts
    total = successes + control_successes
    tables = range(max(0, total - control_n), min(total, n) + 1)
    chances = stats.hypergeom.pmf(tables, n + control_n, total, n)
    observed = stats.hypergeom.pmf(successes, n + control_n, total, n)
    assert fisher(*counts, 0.05).p_value == pytest.approx(chances[chances <= observed * (1 + 1e-9)].sum(), rel=1e-9)


def test_average_order_value_has_the_variance_that_resampling_customers_finds():
    sample = OURS.measured(Metric.AVERAGE_ORDER_VALUE)
    assert sample.mean == pytest.approx(OURS.revenue.sum() / 1000 / OURS.orders.sum(), rel=1e-12)
    chance = np.random.default_rng(4)
    picks = chance.integers(0, 700, size=(4000, 700))
    resampled = OURS.revenue[picks].sum(axis=1) / 1000 / OURS.orders[picks].sum(axis=1)
    assert resampled.std() == pytest.approx(np.sqrt(sample.squared_error), rel=0.05)
    # The same by the definition: variance of the linearised customer values.
    linear = (OURS.revenue / 1000 - sample.mean * OURS.orders) / OURS.orders.mean()
    assert sample.variance == pytest.approx(linear.var(ddof=1), rel=1e-10)


def test_cuped_is_the_regression_on_what_was_spent_before():
    found = adjusted_revenue(OURS.tally, THEIRS.tally)
    y = np.concatenate([OURS.revenue, THEIRS.revenue]) / 1000
    before = np.concatenate([OURS.before, THEIRS.before]) / 1000
    slope = OLS(y, np.column_stack([np.ones_like(y), before])).fit().params[1]
    adjusted_y = y - slope * (before - before.mean())
    assert found.treatment.mean == pytest.approx(adjusted_y[:700].mean(), rel=1e-10)
    assert found.treatment.variance == pytest.approx(adjusted_y[:700].var(ddof=1), rel=1e-10)
    assert found.control.variance == pytest.approx(adjusted_y[700:].var(ddof=1), rel=1e-10)
    plain = welch(OURS.measured(Metric.REVENUE_PER_CUSTOMER), THEIRS.measured(Metric.REVENUE_PER_CUSTOMER))
    better = welch(found.treatment, found.control)
    ratio = (better.interval.high - better.interval.low) / (plain.interval.high - plain.interval.low)
    assert ratio**2 == pytest.approx(1 - found.variance_reduction, rel=1e-3)


def test_fieller_keeps_exactly_the_ratios_that_are_not_rejected():
    ours, theirs = Sample(400, 3.1, 30.0), Sample(500, 2.0, 25.0)
    low, high = fieller_lift(ours, theirs, alpha=0.05).interval
    for lift in (low, high):
        ratio = 1 + lift
        z = (ours.mean - ratio * theirs.mean) / np.sqrt(ours.squared_error + ratio**2 * theirs.squared_error)
        assert abs(z) == pytest.approx(stats.norm.ppf(0.975), rel=1e-9)
    assert fieller_lift(ours, Sample(500, 0.3, 25.0), alpha=0.05) == NotComputable(Reason.CONTROL_NEAR_ZERO)


def test_tests_across_arms_are_those_of_scipy_and_statsmodels():
    counts = [(90, 1000), (120, 1100), (100, 900)]
    table = [[s, n - s] for s, n in counts]
    assert chi_squared(counts).p_value == pytest.approx(stats.chi2_contingency(table).pvalue, rel=1e-10)
    arms = [OURS, THEIRS, THIRD]
    ours = welch_anova([arm.measured(Metric.REVENUE_PER_CUSTOMER) for arm in arms])
    theirs = anova_oneway([arm.revenue / 1000 for arm in arms], use_var="unequal")
    assert (ours.statistic, ours.p_value) == pytest.approx((theirs.statistic, theirs.pvalue), rel=1e-9)


def test_sample_ratio_is_the_chi_squared_test_of_counts():
    assert sample_ratio([5100, 4900, 10_300], [1, 1, 2]) == pytest.approx(
        stats.chisquare([5100, 4900, 10_300], [5075, 5075, 10_150]).pvalue, rel=1e-10
    )


def test_the_always_valid_sample_ratio_is_a_dirichlet_mixture():
    counts, weights = [510, 430, 1060], [1, 1, 2]
    prior = CONCENTRATION * np.array([0.25, 0.25, 0.5])
    mixture = stats.dirichlet_multinomial.logpmf(counts, prior, sum(counts))
    assigned = stats.multinomial.logpmf(counts, sum(counts), [0.25, 0.25, 0.5])
    assert sequential_sample_ratio(counts, weights) == pytest.approx(min(1.0, np.exp(assigned - mixture)), rel=1e-8)
    assert sequential_sample_ratio([500, 500, 1000], weights) == 1.0


@pytest.mark.parametrize(("ours", "theirs"), [("holm", "holm"), ("benjamini_hochberg", "fdr_bh")])
def test_corrections_are_those_of_statsmodels(ours, theirs):
    p_values = np.random.default_rng(5).random(40) ** 3
    assert adjusted_p_values(p_values.tolist(), ours) == pytest.approx(
        multipletests(p_values, method=theirs)[1].tolist()
    )
    with_gaps = [*p_values.tolist(), None, None]
    expected = multipletests([*p_values, 1.0, 1.0], method=theirs)[1].tolist()[:40]
    assert adjusted_p_values(with_gaps, ours) == pytest.approx([*expected, None, None])


def test_posteriors_are_those_of_a_simulation():
    chance = np.random.default_rng(6)
    counts = [(3, 40), (30, 400), (6, 45)]
    draws = np.array([chance.beta(1 + s, 1 + n - s, 2_000_000) for s, n in counts])
    standing = beta_binomial(counts)
    best = np.bincount(draws.argmax(axis=0), minlength=3) / draws.shape[1]
    assert standing.probability_best == pytest.approx(best.tolist(), abs=2e-3)
    assert standing.expected_loss == pytest.approx((draws.max(axis=0) - draws).mean(axis=1).tolist(), abs=1e-4)


def test_two_normal_posteriors_have_a_closed_form():
    ours, theirs = Sample(50, 1.3, 4.0), Sample(10**6, 1.0, 9.0)
    standing = normal([theirs, ours])
    error = np.sqrt(ours.squared_error + theirs.squared_error)
    z = 0.3 / error
    assert standing.probability_best[1] == pytest.approx(stats.norm.cdf(z), rel=1e-9)
    loss = error * (stats.norm.pdf(z) - z * stats.norm.sf(z))
    assert standing.expected_loss == pytest.approx([loss + 0.3, loss], rel=1e-8)


def test_the_exact_sequence_is_a_uniform_mixture_of_likelihoods():
    successes, n, rate = 4, 60, 0.21

    def likelihood(p):
        return p**successes * (1 - p) ** (n - successes)

    mixture, _ = integrate.quad(likelihood, 0, 1)
    assert log_evidence(successes, n, rate) == pytest.approx(np.log(mixture / likelihood(rate)), rel=1e-9)
    for end in rate_sequence(successes, n, alpha=0.1):
        assert log_evidence(successes, n, end) == pytest.approx(np.log(1 / 0.1), rel=1e-6)


def test_cochran_q_by_its_definition_and_a_segment_against_the_rest():
    pairs = [(Sample(100 * k, 1.0 + 0.2 * k, 2.0), Sample(110 * k, 1.0, 1.5)) for k in (1, 2, 3, 4)]
    effects = np.array([a.mean - b.mean for a, b in pairs])
    weights = 1 / np.array([a.squared_error + b.squared_error for a, b in pairs])
    q = (weights * (effects - np.average(effects, weights=weights)) ** 2).sum()
    found = cochran_q(pairs)
    assert (found.q, found.degrees, found.p_value) == pytest.approx((q, 3, stats.chi2.sf(q, 3)), rel=1e-10)
    # Between two groups, Q is the square of the Wald statistic.
    contrast = against_the_rest(pairs[0], pairs[3])
    assert contrast.p_value == pytest.approx(cochran_q([pairs[0], pairs[3]]).p_value, rel=1e-10)
    # Its always-valid form is that of two means that differ as much, with the spread of all four arms.
    spread = sum(sample.squared_error for pair in (pairs[0], pairs[3]) for sample in pair)
    n = 2 / sum(1 / sample.n for pair in (pairs[0], pairs[3]) for sample in pair)
    alike = always_valid(Sample(n, contrast.difference, n * spread / 2), Sample(n, 0.0, n * spread / 2))
    assert contrast.sequential_p_value == pytest.approx(alike.p_value, rel=1e-10)


@pytest.mark.parametrize("ratio", [0.5, 1.0, 3.0])
def test_sample_sizes_have_the_power_that_was_asked_for(ratio):
    baseline = Sample(1, 10.0, 400.0)
    n = sample_size_of_means(baseline, 0.03, power=0.9, ratio=ratio)
    assert n == int(np.ceil(NormalIndPower().solve_power(0.3 / 20.0, alpha=0.05, power=0.9, ratio=ratio)))
    assert NormalIndPower().power(0.3 / 20.0, n, 0.05, ratio=ratio) == pytest.approx(0.9, abs=1e-4)
    n = sample_size_of_proportions(0.04, 0.1, power=0.9, ratio=ratio)
    assert power_of_rates(0.04, 0.044, n, ratio) == pytest.approx(0.9, abs=1e-4)
    assert power_of_rates(0.04, 0.044, n - 10, ratio) < 0.9


def power_of_rates(control, treatment, n, ratio):
    # statsmodels' first group, whose rate is the second's plus the difference, is the control.
    return power_proportions_2indep(control - treatment, treatment, n, ratio, 0.05, return_results=False)


def test_the_minimum_detectable_effect_turns_the_sample_size_around():
    n = sample_size_of_means(Sample(1, 10.0, 400.0), 0.03)
    arm = Sample(n, 10.0, 400.0)
    assert minimum_detectable_effect(arm, arm) == pytest.approx(0.3, rel=1e-4)
