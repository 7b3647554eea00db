"""Verdicts say what their own numbers say: no verdict too early, no forecast beyond a year, guardrails by a margin."""

import re
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments import Metric, Tallies
from experiments.planning.remaining_time import LONGEST_DAYS, customers_to_narrow
from experiments.reporting.report import report
from experiments.sequential.always_valid import half_width, mixture_precision
from tests.experiments.tallying import START, counts, experiment, shop

NOW = START + timedelta(days=10)


def said(plan, now=NOW, **arms):
    return report(plan, Tallies({(name, "all"): tally for name, tally in arms.items()}), now)


def test_everybody_against_nobody_is_shipped():
    verdict = said(experiment(), A=counts(1_000, 0), B=counts(1_000, 1_000)).verdict
    assert (verdict.decision, verdict.variant) == ("ship", "B")
    assert "100 points higher" in verdict.sentence
    harmful = said(experiment(), A=counts(1_000, 1_000), B=counts(1_000, 0)).verdict
    assert harmful.decision == "stop_harmful"


@pytest.mark.parametrize(("n", "method"), [(5, "sequential"), (2, "sequential"), (99, "sequential"), (5, "fixed")])
def test_there_is_no_verdict_below_the_minimum(n, method):
    plan = experiment(method=method, planned_customers=10 if method == "fixed" else None)
    verdict = said(plan, A=counts(n, 0), B=counts(n, n)).verdict
    assert verdict.decision == ("keep_running" if method == "sequential" else "inconclusive")
    assert f"A has {n} customers, and a verdict takes 100 in each arm." in verdict.reason
    lower = said(experiment(minimum_customers=5), A=counts(50, 0), B=counts(50, 50)).verdict
    assert lower.decision == "ship"


def test_too_early_says_until_when():
    found = said(experiment(), A=counts(40, 3), B=counts(50, 3)).verdict
    assert found.sentence == "Keep running: too early for a verdict; needs about 14 more days."
    # 60 customers of A are missing, half of those who come; 90 came in ten days.
    assert (found.more_customers, found.more_days) == (120, 14)
    ended = said(experiment(stopped_at=NOW), A=counts(40, 3), B=counts(50, 3)).verdict
    assert (ended.decision, ended.more_days) == ("inconclusive", None)


def test_an_arm_without_customers_is_no_arm_to_forecast_or_to_be_the_best():
    found = said(experiment(minimum_customers=2), A=counts(8, 1))
    assert (found.verdict.decision, found.verdict.more_days) == ("keep_running", 5)
    assert "B has 0 customers" in found.verdict.reason
    assert [each.probability_best for each in found.overall.bayes] == [None, None]
    assert {each.cannot_say for each in found.overall.bayes} == {"arm_empty"}


def test_nothing_is_forecast_beyond_a_year():
    found = said(experiment(minimum_effect=0.003), A=counts(2_000, 100), B=counts(2_000, 110)).verdict
    assert found.more_days is None
    assert found.more_customers > 10**7
    assert found.sentence.endswith("more customers, which at the present pace takes more than a year.")
    soon = said(experiment(minimum_effect=0.2), A=counts(2_000, 100), B=counts(2_000, 110)).verdict
    assert 0 < soon.more_days <= LONGEST_DAYS
    nobody = said(experiment(), A=counts(2_000, 0), B=counts(2_000, 3)).verdict
    assert "how many more days are needed cannot be said" in nobody.sentence
    assert "All customers of the control did the same" in nobody.reason


@settings(max_examples=150)
@given(
    st.integers(1, 400), st.integers(1, 400), st.floats(0, 1), st.floats(0, 1),
    st.sampled_from([{}, {"method": "fixed", "planned_customers": 2}, {"minimum_customers": 2}]),
)  # fmt: skip
def test_no_sentence_is_contradicted_by_its_own_interval(n, m, rate, other, fields):
    found = said(experiment(**fields), A=counts(n, round(rate * n)), B=counts(m, round(other * m)))
    decides, verdict = found.overall.comparisons[0].decides, found.verdict
    if verdict.decision in {"ship", "stop_harmful"}:
        assert min(n, m) >= fields.get("minimum_customers", 100)
        low, high = decides.ci
        assert low > 0 if verdict.decision == "ship" else high < 0
        assert low <= decides.effect <= high
        points = [float(each) for each in re.findall(r"([+-][\d.e-]+) points", verdict.reason)]
        assert points == pytest.approx([100 * low, 100 * high], rel=0.01, abs=0.01)
    assert verdict.more_days is None or verdict.more_days <= LONGEST_DAYS


def test_without_guardrails_a_verdict_says_that_there_are_none():
    found = said(experiment(), A=counts(20_000, 1_000), B=counts(20_000, 1_300))
    assert found.guardrails.answer == "none_set"
    assert found.verdict.reason.endswith("No guardrails are set.")


def test_a_guardrail_passes_where_the_whole_interval_is_above_minus_its_margin():
    arms = {"A": counts(20_000, 1_000, retained=2_000), "B": counts(20_000, 1_300, retained=2_010)}
    found = said(experiment(guardrails=["retention"]), **arms)
    (row,) = found.guardrails.rows
    low = found.overall.comparisons[1].decides.ci.low
    assert (row.answer, row.margin, row.low) == ("not_worse", pytest.approx(0.01), low)
    assert -0.01 < low < -0.001
    assert found.verdict.decision == "ship"
    assert found.verdict.reason.endswith("No guardrail is worse by more than its margin: retention (10%).")
    strict = said(experiment(guardrails=["retention"], guardrail_margins={"retention": 0.02}), **arms)
    assert strict.guardrails.rows[0].margin == pytest.approx(0.002)
    assert strict.guardrails.answer == "cannot_tell"


def test_a_guardrail_that_cannot_be_told_yet_says_why_and_until_when():
    plan = experiment(guardrails=["retention"], guardrail_margin=0.05)
    arms = {"A": counts(20_000, 1_000, retained=2_000), "B": counts(20_000, 1_300, retained=2_010)}
    found = said(plan, **arms)
    (row,) = found.guardrails.rows
    assert (row.answer, found.verdict.decision) == ("cannot_tell", "keep_running")
    assert found.verdict.sentence == (
        "Keep running: the conversion rate is 1.5 points higher with B, but whether retention is worse cannot be told "
        "yet."
    )
    assert re.search(r"its interval begins at -0\.\d+ points, and the margin is -0\.5 points; about \d+", row.why)
    # With as many customers as it says and the same shares, it can be told; with a tenth less, it cannot.
    for factor, answer in ((1.01, "not_worse"), (0.9, "cannot_tell")):
        n = round((40_000 + row.more_customers) / 2 * factor)
        later = {
            name: counts(n, round(n * share), retained=round(n * 0.1)) for name, share in (("A", 0.05), ("B", 0.065))
        }
        assert said(plan, **later).guardrails.answer == answer
    assert row.more_days == pytest.approx(row.more_customers / 4_000, abs=1)
    assert found.verdict.more_days == row.more_days


def test_a_guardrail_without_figures_is_not_passed():
    plan = experiment(guardrails=["revenue_per_customer"])
    found = said(plan, A=counts(20_000, 1_000), B=counts(20_000, 1_300))
    (row,) = found.guardrails.rows
    assert (row.answer, row.cannot_say) == ("cannot_tell", "too_few_orders")
    assert found.verdict.decision == "keep_running"
    assert "fewer than five orders" in found.verdict.reason
    over = said(plan.model_copy(update={"stopped_at": NOW}), A=counts(20_000, 1_000), B=counts(20_000, 1_300)).verdict
    assert over.decision == "inconclusive"
    assert over.sentence.startswith("No decision: the conversion rate is 1.5 points higher with B, but whether")


def test_a_worse_guardrail_is_worse():
    plan = experiment(guardrails=["retention"])
    found = said(plan, A=counts(20_000, 1_000, retained=2_000), B=counts(20_000, 1_300, retained=1_500))
    assert (found.guardrails.answer, found.verdict.decision) == ("worse", "stop_harmful")
    assert found.guardrails.sentence.startswith("Retention with B is worse, by -")


def test_of_two_winners_the_one_with_clear_guardrails_is_shipped():
    plan = experiment("A", "B", "C", guardrails=["retention"])
    arms = {
        "A": counts(50_000, 2_500, retained=5_000),
        "B": counts(50_000, 3_500, retained=4_750),
        "C": counts(50_000, 3_300, retained=5_100),
    }
    found = said(plan, **arms)
    assert {row.variant: row.answer for row in found.guardrails.rows} == {"B": "cannot_tell", "C": "not_worse"}
    assert (found.verdict.decision, found.verdict.variant) == ("ship", "C")
    assert "Retention with C is not worse by more than its margin, -1 points." in found.verdict.reason


def test_what_decides_is_one_thing_by_method_and_cuped():
    arms = {"A": shop(31, 30_000, correlation=0.95), "B": shop(32, 30_000, correlation=0.95)}
    metric = Metric.REVENUE_PER_CUSTOMER
    plans = {
        "always": experiment(primary_metric=metric),
        "once": experiment(primary_metric=metric, method="fixed", planned_customers=10),
        "planned_look": experiment(primary_metric=metric, method="group_sequential", planned_customers=60_000),
    }
    for validity, plan in plans.items():
        (row,) = said(plan, **arms).overall.comparisons
        assert row.decides.validity == validity
        assert row.decides.effect == row.cuped.effect != row.effect
    always, once, look = (said(plan, **arms).overall.comparisons[0] for plan in plans.values())
    assert always.decides.ci == always.cuped.sequential.ci
    assert always.decides.p_adjusted == always.sequential.p_adjusted
    assert (once.decides.ci, once.decides.p_adjusted) == (once.cuped.ci, once.p_adjusted)
    assert (look.decides.ci, look.decides.crossed) == (look.group_sequential.ci, False)
    assert said(plans["planned_look"], **arms).segments[0].comparisons[0].decides.validity == "once"


def test_customers_to_narrow_are_those_at_which_the_interval_is_so_narrow():
    tallies = Tallies({("A", "all"): counts(2_000, 100), ("B", "all"): counts(2_000, 100)})
    precision = mixture_precision(5_000, 0.05)
    needed = customers_to_narrow(experiment(), tallies, 0.02, 0.005)
    widths = [float(half_width(4.0 / n, n, precision, 0.05)) for n in (4_000, needed)]
    assert widths[1] / widths[0] == pytest.approx(0.25, rel=1e-3)
    assert customers_to_narrow(experiment(method="fixed", planned_customers=9), tallies, 0.02, 0.005) == 64_000


def buyers(customers, count, each=20_000):
    return counts(
        customers, count, orders=count, order_squares=count, revenue=count * each, revenue_squares=count * each**2,
        revenue_orders=count * each,
    )  # fmt: skip


def test_nothing_is_decided_on_money_before_enough_customers_have_bought():
    plan = experiment(primary_metric="revenue_per_customer")
    found = said(plan, A=buyers(500, 20), B=buyers(500, 45))
    (row,) = found.overall.comparisons
    assert row.p_value < 0.05, "the figures are there, and are not what decides"
    assert row.decides.model_dump(exclude_none=True) == {"validity": "always", "cannot_say": "too_few_buyers"}
    assert found.verdict.sentence == "Keep running: too early for a verdict; needs about 15 more days."
    assert found.verdict.reason == (
        "A has 20 customers with an order, and a verdict on revenue per customer takes 50 in each arm."
    )
    # 30 buyers of A are missing, one of 25 customers buys, half of them are in A, and 1,000 came in ten days.
    assert found.verdict.more_customers == 30 * 25 * 2
    enough = said(plan, A=buyers(5_000, 200), B=buyers(5_000, 300))
    assert (enough.verdict.decision, enough.overall.comparisons[0].too_early) == ("ship", None)
    over = said(plan.model_copy(update={"stopped_at": NOW}), A=buyers(500, 20), B=buyers(500, 45)).verdict
    assert over.sentence == "No decision: the experiment has ended with too few buyers."
    lower = said(
        experiment(primary_metric="revenue_per_customer", minimum_buyers=10), A=buyers(500, 20), B=buyers(500, 90)
    )
    assert lower.overall.comparisons[0].decides.effect > 0


def test_a_guardrail_on_money_waits_for_buyers_and_says_until_when():
    plan = experiment(guardrails=["revenue_per_customer"])
    found = said(plan, A=buyers(2_000, 40), B=buyers(2_000, 160))
    (row,) = found.guardrails.rows
    assert (row.answer, row.cannot_say, row.more_customers) == ("cannot_tell", "too_few_buyers", 10 * 50 * 2)
    assert row.why.endswith("takes (minimum_buyers). That takes about 3 more days.")
    assert found.verdict.decision == "keep_running"


def test_a_guardrail_of_a_test_that_is_read_once_is_told_at_its_end():
    plan = experiment(guardrails=["retention"], method="fixed", stop=START + timedelta(days=20))
    arms = {"A": counts(20_000, 1_000, retained=2_000), "B": counts(20_000, 1_300, retained=2_010)}
    (row,) = said(plan, **arms).guardrails.rows
    assert row.answer == "cannot_tell"
    assert row.why.endswith("a test with a planned end is read at that end.")
    assert said(plan, now=START + timedelta(days=20), **arms).guardrails.answer == "not_worse"


def test_one_order_of_a_million_ships_nothing_and_forecasts_nothing():
    """Its guardrail's interval is so wide that it cannot be told, and no number of customers is worth naming."""
    control, treatment = buyers(20_000, 1_000, each=60_000), buyers(20_000, 1_400, each=20_000)
    whale = counts(1, 1, orders=1, order_squares=1, revenue=10**9, revenue_squares=10**18, revenue_orders=10**9)
    found = said(experiment(guardrails=["revenue_per_customer"]), A=control, B=treatment + whale)
    assert found.verdict.decision == "keep_running"
    assert "whether revenue per customer is worse cannot be told yet" in found.verdict.sentence
    assert found.verdict.reason.endswith("to tell it would take more than a thousand million customers.")
    assert (found.verdict.more_days, found.verdict.more_customers) == (None, None)
    worse = said(experiment(guardrails=["revenue_per_customer"]), A=control, B=treatment).verdict
    assert worse.decision == "stop_harmful"
