"""What the report says of tallies whose answer is known."""

import json
from datetime import timedelta

import pytest

from experiments import Metric, Tallies, Tally
from experiments.planning.sample_size_formulas import sequential_customers
from experiments.reporting.document import Report
from experiments.reporting.report import report
from experiments.sequential.group_sequential import critical_values, obrien_fleming
from experiments.statistics.multiplicity import adjusted_p_values
from experiments.statistics.proportions import two_proportions
from experiments.statistics.sample import conversion
from tests.experiments.tallying import START, counts, experiment, shop

NOW = START + timedelta(days=10)


def said(plan, now=NOW, **arms):
    return report(plan, Tallies({(name, "all"): tally for name, tally in arms.items()}), now)


def test_the_keys_of_the_contract():
    found = said(experiment(), A=counts(1000, 50), B=counts(1000, 60)).model_dump(mode="json")
    assert found["experiment"] == "banner"
    assert found["srm"]["p_value"] == 1.0
    arm = found["overall"]["arms"][0]
    assert {"variant": "A", "exposed": 1000, "converted": 50, "rate": 0.05, "revenue": 0.0}.items() <= arm.items()
    (row,) = found["overall"]["comparisons"]
    assert {"variant", "metric", "effect", "ci", "p_value", "sequential"} <= set(row)
    assert {"ci", "p_value"} <= set(row["sequential"])
    assert row["effect"] == pytest.approx(0.01)
    assert row["ci"] == pytest.approx(two_proportions(60, 1000, 50, 1000, 0.05).interval)
    assert found["segments"][0]["segment"] == "all"
    assert Report.model_validate(json.loads(json.dumps(found))).model_dump(mode="json") == found


def test_money_comes_out_in_currency_units():
    arm = Tally.of_customer(revenue=12_345, orders=2) + Tally.of_customer(revenue=-345, orders=1)
    row = said(experiment(), A=arm).overall.arms[0]
    assert (row.revenue, row.revenue_per_customer, row.average_order_value) == (12.0, 6.0, 4.0)


def test_better_is_shipped_worse_is_stopped_and_a_little_keeps_running():
    assert said(experiment(), A=counts(20_000, 1000), B=counts(20_000, 1300)).verdict.decision == "ship"
    harmful = said(experiment(), A=counts(20_000, 1300), B=counts(20_000, 1000)).verdict
    assert harmful.decision == "stop_harmful"
    assert harmful.sentence == "Stop: B is harmful, the conversion rate is 1.5 points lower than with A."
    running = said(experiment(minimum_effect=0.1), A=counts(2_000, 100), B=counts(2_000, 110)).verdict
    assert running.decision == "keep_running"
    assert running.sentence == f"Keep running: needs about {running.more_days:,} more days."
    # 4,000 customers came in ten days; what is missing comes at that pace.
    assert running.more_days == pytest.approx(running.more_customers / 400, abs=1)


def test_a_mismatch_comes_before_everything_also_in_one_segment():
    overall = said(experiment(), A=counts(20_000, 1000), B=counts(21_000, 1500))
    assert overall.verdict.decision == "cannot_trust"
    cells = {
        ("A", "New"): counts(1_000, 10), ("B", "New"): counts(2_000, 10),
        ("A", "Old"): counts(2_000, 10), ("B", "Old"): counts(1_000, 10),
    }  # fmt: skip
    hidden = report(experiment(), Tallies(cells), NOW)
    assert hidden.srm.p_value == 1.0
    assert hidden.srm.mismatch
    assert hidden.verdict.decision == "cannot_trust"
    assert "in a segment" in hidden.verdict.reason


def test_each_method_is_judged_by_the_split_test_that_suits_its_reading():
    arms = {"A": counts(2_000, 100), "B": counts(2_230, 110)}
    fixed = experiment(method="fixed", planned_customers=4_000)
    once, always = said(fixed, **arms), said(experiment(), **arms)
    assert once.srm.p_value == always.srm.p_value < 0.001 < always.srm.sequential_p_value
    assert (once.verdict.decision, always.verdict.decision) == ("cannot_trust", "keep_running")
    worse = said(experiment(), A=counts(2_000, 100), B=counts(2_500, 110))
    assert worse.srm.sequential_p_value < 0.001
    assert worse.verdict.decision == "cannot_trust"


def test_a_worse_guardrail_stops_what_the_primary_metric_would_ship():
    plan = experiment(guardrails=["retention"])
    control = counts(20_000, 1000, retained=2000)
    found = said(plan, A=control, B=counts(20_000, 1300, retained=1500)).verdict
    assert (found.decision, found.variant) == ("stop_harmful", "B")
    assert "retention" in found.sentence
    assert said(plan, A=control, B=counts(20_000, 1300, retained=2010)).verdict.decision == "ship"


def test_a_difference_too_small_to_matter_ends_the_experiment():
    found = said(experiment(minimum_effect=0.1), A=counts(400_000, 20_000), B=counts(400_000, 20_020)).verdict
    assert found.decision == "stop_no_effect"
    assert "10%" in found.sentence


def test_of_two_good_treatments_the_better_is_shipped():
    arms = {"A": counts(20_000, 1000), "B": counts(20_000, 1250), "C": counts(20_000, 1400)}
    assert said(experiment("A", "B", "C"), **arms).verdict.variant == "C"
    arms["B"] = counts(20_000, 700)
    assert said(experiment("A", "B", "C"), **arms).verdict.variant == "C"


def test_a_fixed_experiment_is_read_at_its_end_and_not_before():
    plan = experiment(method="fixed", stop=START + timedelta(days=20))
    arms = {"A": counts(20_000, 1000), "B": counts(20_000, 1300)}
    early = said(plan, **arms).verdict
    assert (early.decision, early.more_days, early.more_customers) == ("keep_running", 10, None)
    assert said(plan, now=START + timedelta(days=20), **arms).verdict.decision == "ship"
    given_up = plan.model_copy(update={"stopped_at": NOW})
    assert said(given_up, now=START + timedelta(days=99), **arms).verdict.decision == "given_up"
    none = said(plan, now=START + timedelta(days=20), A=counts(2000, 100), B=counts(2000, 103)).verdict
    assert none.decision == "no_difference_found"


def test_a_group_sequential_experiment_takes_more_at_its_first_looks():
    plan = experiment(method="group_sequential", planned_customers=40_000, looks=4)
    early = said(plan, A=counts(5_000, 250), B=counts(5_000, 300))
    late = said(plan, A=counts(20_000, 1000), B=counts(20_000, 1100))
    looks = [each.overall.comparisons[0].group_sequential for each in (early, late)]
    assert [look.number for look in looks] == [1, 4]
    assert looks[0].critical_z > 4 > looks[1].critical_z > 1.96
    assert early.overall.comparisons[0].p_value < 0.05
    assert early.verdict.decision == "keep_running"
    assert early.verdict.more_customers == 30_000
    assert late.verdict.decision == "ship"
    before = said(plan, A=counts(1_000, 50), B=counts(1_000, 60)).overall.comparisons[0].group_sequential
    assert before.cannot_say == "before_first_look"


def test_treatments_share_the_error_of_planned_looks():
    plan = experiment("A", "B", "C", method="group_sequential", planned_customers=300, looks=2)
    found = said(plan, A=counts(100, 10), B=counts(100, 12), C=counts(100, 14)).overall.comparisons
    expected = critical_values((0.5, 1.0), 0.025, obrien_fleming)[1]
    assert [row.group_sequential.critical_z for row in found] == [expected, expected]


def test_the_customers_still_missing_are_those_of_the_plan_shared_out_by_weight():
    control = counts(3_000, 150)
    needed = sequential_customers(conversion(control), 0.05)
    even = said(experiment(), A=control, B=counts(3_000, 150)).verdict
    assert even.more_customers == needed - 6_000
    # One in four customers in the treatment: the error is that of (4 + 4/3) / 4 times as many customers.
    uneven = experiment(variants=[{"name": "A", "weight": 3}, {"name": "B"}])
    found = said(uneven, A=control, B=counts(1_000, 50)).verdict
    assert found.more_customers == pytest.approx(needed * 4 / 3 - 4_000, abs=1)
    three = said(experiment("A", "B", "C"), A=control, B=control, C=control).verdict
    shared = sequential_customers(conversion(control), 0.05, alpha=0.025)
    assert three.more_customers == pytest.approx(shared * 1.5 - 9_000, abs=1)


def test_a_few_orders_are_no_average():
    plan = experiment(guardrails=["revenue_per_customer", "average_order_value"])
    few = counts(1000, 4, orders=4, order_squares=4, revenue=40, revenue_squares=400, revenue_orders=40)
    enough = counts(1000, 5, orders=5, order_squares=5, revenue=60, revenue_squares=740, revenue_orders=60)
    assert {row.cannot_say for row in said(plan, A=few, B=enough).overall.comparisons[1:]} == {"too_few_orders"}
    assert {row.cannot_say for row in said(plan, A=enough, B=enough).overall.comparisons[1:]} == {None}


def test_p_values_are_adjusted_over_their_whole_family():
    plan = experiment("A", "B", "C", guardrails=["retention"], method="fixed", planned_customers=10)
    cells = {
        (name, segment): counts(5_000, 250 + 17 * place * row, retained=100 + 11 * row)
        for row, name in enumerate("ABC")
        for place, segment in enumerate(("New", "Old", "unknown"))
    }
    found = report(plan, Tallies(cells), NOW)
    rows = [row for part in found.segments for row in part.comparisons]
    assert len(rows) == 3 * 2 * 2
    assert [row.p_adjusted for row in rows] == pytest.approx(adjusted_p_values([row.p_value for row in rows], "holm"))
    primary = [row for row in found.overall.comparisons if row.family == "primary"]
    assert [row.p_adjusted for row in primary] == pytest.approx(
        adjusted_p_values([row.p_value for row in primary], "holm")
    )
    assert any(row.p_adjusted > row.p_value for row in rows)


def test_cuped_decides_on_revenue_where_it_was_declared():
    arms = {"A": shop(31, 30_000, correlation=0.95), "B": shop(32, 30_000, correlation=0.95)}
    metric = Metric.REVENUE_PER_CUSTOMER
    (row,) = said(experiment(primary_metric=metric), **arms).overall.comparisons
    assert row.decided_by == "cuped"
    assert 0.0 < row.cuped.variance_reduction < 1.0
    assert row.p_adjusted == row.cuped.p_value != row.p_value
    assert row.sequential.p_adjusted == row.cuped.sequential.p_value
    (plain,) = said(experiment(primary_metric=metric, cuped=False), **arms).overall.comparisons
    assert (plain.decided_by, plain.p_adjusted) == ("plain", plain.p_value)


def test_small_counts_take_the_exact_tests():
    (row,) = said(experiment(), A=counts(60, 1), B=counts(60, 6)).overall.comparisons
    assert (row.method, row.sequential.method) == ("fisher", "beta_binomial")
    (row,) = said(experiment(), A=counts(600, 10), B=counts(600, 60)).overall.comparisons
    assert (row.method, row.sequential.method) == ("z", "asymptotic")


def test_segments_that_differ_are_found():
    cells = {
        ("A", "New"): counts(20_000, 1000), ("B", "New"): counts(20_000, 1400),
        ("A", "Old"): counts(20_000, 1000), ("B", "Old"): counts(20_000, 1000),
        ("A", "unknown"): counts(20_000, 1000), ("B", "unknown"): counts(20_000, 1010),
    }  # fmt: skip
    found = report(experiment(), Tallies(cells), NOW)
    assert found.overall.heterogeneity[0].p_value < 1e-6
    contrasts = {part.segment: part.against_the_rest[0] for part in found.segments}
    assert contrasts["New"].p_value < 1e-6
    assert contrasts["New"].difference == pytest.approx(0.02 - 0.00025, abs=1e-12)
    rows = [part.against_the_rest[0] for part in found.segments]
    assert [row.p_adjusted for row in rows] == pytest.approx(adjusted_p_values([row.p_value for row in rows], "holm"))
    always = adjusted_p_values([row.sequential_p_value for row in rows], "holm")
    assert [row.sequential_p_adjusted for row in rows] == pytest.approx(always)
    assert all(row.p_value < row.sequential_p_value for row in rows)
    only = report(experiment(segments=["Old"]), Tallies(cells), NOW)
    assert [part.segment for part in only.segments] == ["Old"]
    assert only.overall.heterogeneity[0].cannot_say == "one_segment"


def test_an_experiment_that_nobody_saw_says_so():
    verdict = said(experiment()).verdict
    assert (verdict.decision, verdict.more_days) == ("keep_running", None)
    assert "Nobody has been exposed yet." in verdict.reason


def test_what_can_be_found_by_now_is_that_of_the_declared_method():
    arms = {"A": counts(5_000, 250), "B": counts(5_000, 260)}
    effects = [
        said(experiment(**method), **arms).overall.comparisons[0].minimum_detectable_effect
        for method in ({"method": "fixed", "planned_customers": 99_999}, {"method": "sequential"})
    ]
    interval = said(experiment(), **arms).overall.comparisons[0].sequential.ci
    error = sum(0.01 * (1 - share) * share * 0.02 for share in (0.05, 0.052)) ** 0.5
    assert effects[0] == pytest.approx((1.959964 + 0.841621) * error, rel=1e-4)
    assert effects[1] == pytest.approx((interval.high - interval.low) / 2 + 0.841621 * error, rel=1e-4)


def test_segments_with_few_conversions_are_not_contrasted_as_if_they_were_many():
    cells = {
        ("A", "New"): counts(2_000, 200), ("B", "New"): counts(2_000, 240),
        ("A", "Old"): counts(2_000, 200), ("B", "Old"): counts(2_000, 210),
        ("A", "tiny"): counts(8, 0), ("B", "tiny"): counts(9, 0),
        ("A", "few"): counts(30, 0), ("B", "few"): counts(30, 4),
    }  # fmt: skip
    found = report(experiment(), Tallies(cells), NOW)
    contrasts = {part.segment: part.against_the_rest[0].cannot_say for part in found.segments}
    few = "small_expected_counts"
    assert contrasts == {"New": None, "Old": None, "tiny": few, "few": few}
    assert found.overall.heterogeneity[0].degrees == 1


def test_status_and_end_follow_the_plan_and_who_ended_it():
    day = timedelta(days=1)
    plan = experiment(stop=START + 10 * day)
    assert [plan.status(START + days * day) for days in (-1, 0, 9, 10)] == ["planned", "running", "running", "ended"]
    ended = plan.model_copy(update={"stopped_at": START + 5 * day})
    assert (ended.end, ended.status(START + 6 * day)) == (START + 5 * day, "ended")
    assert (experiment().end, experiment().status(START + 999 * day)) == (None, "running")


def test_what_was_left_out_is_passed_on():
    assert report(experiment(), Tallies(), NOW, {"after_stop": 2}).left_out == {"after_stop": 2}


def test_strangers_are_left_out():
    alone = said(experiment(), A=counts(1000, 50), B=counts(1000, 60))
    joined = said(experiment(), A=counts(1000, 50), B=counts(1000, 60), C=counts(5000, 4000))
    assert joined == alone
