"""Whatever the tallies are: an answer or a named reason, never NaN, never an exception."""

import dataclasses
import json
import math
from datetime import timedelta

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from experiments import Metric, NotComputable, Reason, Tallies
from experiments.planning.sample_size_formulas import (
    days_left,
    minimum_detectable_effect,
    sample_size_of_means,
    sample_size_of_proportions,
    sequential_customers,
    sequential_detectable_effect,
)
from experiments.reporting.report import report
from experiments.sequential.always_valid import always_valid
from experiments.sequential.always_valid_rates import rate_sequence, two_rate_sequences
from experiments.sequential.group_sequential import evaluate_look, obrien_fleming, pocock
from experiments.sequential.heterogeneity import against_the_rest, cochran_q
from experiments.statistics.bayes import beta_binomial, normal
from experiments.statistics.cuped import adjusted_revenue
from experiments.statistics.lift import fieller_lift
from experiments.statistics.means import welch
from experiments.statistics.metric_samples import measure
from experiments.statistics.omnibus_tests import chi_squared, welch_anova
from experiments.statistics.proportions import fisher, two_proportions, wilson
from experiments.statistics.sample import Sample
from experiments.statistics.sample_ratio_mismatch import sample_ratio
from tests.experiments.tallying import START, any_tallies, experiment, tallies_of

COUNTS = st.one_of(st.integers(-1, 30), st.sampled_from([10**3, 10**6, 10**9, 10**12, 10**30]))
SAMPLES = st.builds(
    Sample,
    st.one_of(st.integers(0, 30), st.sampled_from([10**3, 10**6, 10**12])),
    st.one_of(st.floats(-1e12, 1e12), st.floats(-1e12, 1e12), st.just(math.nan)),
    st.one_of(st.just(0.0), st.floats(0.0, 1e24), st.floats(0.0, 1e24), st.sampled_from([math.nan, math.inf])),
)


def numbers_in(value):
    if isinstance(value, float):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from numbers_in(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from numbers_in(each)
    elif dataclasses.is_dataclass(value):
        yield from numbers_in(dataclasses.asdict(value))


def said(outcome):
    """The outcome, after it was found to be a reason or finite numbers."""
    assert isinstance(outcome, NotComputable) or all(map(math.isfinite, numbers_in(outcome))), outcome
    p_value = getattr(outcome, "p_value", 0.5)
    assert 0.0 <= p_value <= 1.0
    interval = getattr(outcome, "interval", None)
    assert interval is None or interval.low <= interval.high
    return outcome


METHODS = [
    {"method": "sequential"},
    {"method": "fixed", "planned_customers": 1000, "cuped": False},
    {"method": "fixed", "stop": START + timedelta(days=5)},
    {"method": "group_sequential", "planned_customers": 200, "spending": "pocock", "looks": 3},
]


@settings(max_examples=60)
@given(
    st.data(), st.sampled_from(METHODS), st.sampled_from([("A", "B"), ("A", "B", "C")]), st.sampled_from(list(Metric))
)
def test_a_report_of_any_tallies_says_something_and_never_nan(data, method, names, primary):
    plan = experiment(
        *names, primary_metric=primary, guardrails=[metric for metric in Metric if metric is not primary], **method
    )
    tallies = data.draw(tallies_of(names))
    days = data.draw(st.sampled_from([-1, 0, 3, 400]))
    document = report(plan, tallies, START + timedelta(days=days)).model_dump(mode="json")
    json.dumps(document, allow_nan=False)
    assert document["verdict"]["sentence"].endswith(".")
    rows = [*document["overall"]["comparisons"], *(row for each in document["segments"] for row in each["comparisons"])]
    for row in rows:
        for found in (row, row["lift"], row["sequential"], row["cuped"] or {"cannot_say": "no_pre_period"}):
            assert (found["cannot_say"] is None) == (found.get("p_value") is not None)


@settings(max_examples=100)
@given(COUNTS, COUNTS, COUNTS, COUNTS)
def test_rates_of_any_counts(successes, n, control_successes, control_n):
    counts = (successes, n, control_successes, control_n)
    for test in (two_proportions, fisher):
        said(test(*counts, 0.05))
    said(two_rate_sequences(*counts))
    said(wilson(successes, n, 0.05))
    said(rate_sequence(successes, n))
    said(beta_binomial([(successes, n), (control_successes, control_n)]))
    said(chi_squared([(successes, n), (control_successes, control_n), (3, 7)]))
    said(sample_ratio([n, control_n], [1.0, 2.0]))
    said(days_left(n, control_n, 2.5))


@settings(max_examples=100)
@given(SAMPLES, SAMPLES, SAMPLES, SAMPLES)
def test_means_of_any_samples(ours, theirs, third, fourth):
    for test in (welch, fieller_lift, always_valid, minimum_detectable_effect):
        said(test(ours, theirs))
    said(normal([ours, theirs, third]))
    said(welch_anova([ours, theirs, third]))
    said(cochran_q([(ours, theirs), (third, fourth)]))
    said(against_the_rest((ours, theirs), (third, fourth)))
    for spending in (obrien_fleming, pocock):
        said(evaluate_look(ours, theirs, 0.7, looks=3, alpha=0.05, spending=spending))


@settings(max_examples=100)
@given(any_tallies, any_tallies)
def test_metrics_of_any_tallies(ours, theirs):
    said(adjusted_revenue(ours, theirs))
    for metric in Metric:
        said(measure(metric, ours))


GOOD = Sample(100, 5.0, 4.0)


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (Sample(0, 0.0, 0.0), Reason.ARM_EMPTY),
        (Sample(0, math.nan, math.nan), Reason.ARM_EMPTY),
        (Sample(1, 5.0, math.nan), None),
        (Sample(100, math.nan, 1.0), Reason.NOT_A_NUMBER),
        (Sample(100, 5.0, math.nan), Reason.NOT_A_NUMBER),
        (Sample(100, 5.0, math.inf), Reason.OUT_OF_RANGE),
    ],
)
def test_arms_without_customers_or_numbers_have_a_reason(bad, reason):
    """Checkpoints of published series have them: the variance of a single customer, arms that have not begun."""
    tests = [welch, fieller_lift, always_valid, minimum_detectable_effect, sequential_detectable_effect]
    for pair in ((bad, GOOD), (GOOD, bad)):
        found = [test(*pair) for test in tests]
        found.append(evaluate_look(*pair, 0.7, looks=3, alpha=0.05, spending=pocock))
        found += [cochran_q([pair, (GOOD, GOOD)]), against_the_rest(pair, (GOOD, GOOD))]
        found += [normal(pair), welch_anova([*pair, GOOD])]
        assert all(isinstance(each, NotComputable) for each in found)
        assert reason is None or {each.reason for each in found} == {reason}
    planned = [sample_size_of_means(bad, 0.1), sequential_customers(bad, 0.1)]
    assert all(isinstance(each, NotComputable) for each in planned)


def test_an_empty_arm_has_no_chance_to_be_the_best():
    assert beta_binomial([(8, 8), (0, 0)]) == NotComputable(Reason.ARM_EMPTY)


@settings(max_examples=100)
@given(SAMPLES, st.floats(-2.0, 1e6), st.floats(0.0, 1.0))
@example(Sample(10, 1e-160, 1e-315), 0.1, 0.5)  # once an OverflowError
def test_sample_sizes_of_anything(baseline, lift, rate):
    said(sample_size_of_means(baseline, lift))
    said(sample_size_of_proportions(rate, lift))
    said(sequential_customers(baseline, lift))


@pytest.mark.parametrize("method", METHODS)
def test_an_experiment_without_a_single_event_says_why_nothing_can_be_said(method):
    document = report(experiment(**method), Tallies(), START)
    (row,) = document.overall.comparisons
    assert row.cannot_say == row.sequential.cannot_say == document.srm.cannot_say == "no_exposures"
    assert document.verdict.decision == "keep_running"
