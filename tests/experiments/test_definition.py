from datetime import timedelta

import pytest
from pydantic import ValidationError

from experiments import Experiment, check_change
from tests.experiments.tallying import START, experiment

LATER = START + timedelta(days=14)
CHANGES = {
    "id": "other",
    "description": "new words",
    "variants": ({"name": "A", "weight": 2}, {"name": "B"}),
    "control": "B",
    "start": START - timedelta(days=1),
    "stop": LATER,
    "stopped_at": LATER,
    "primary_metric": "retention",
    "guardrails": ("average_order_value",),
    "guardrail_margin": 0.02,
    "guardrail_margins": {"retention": 0.02},
    "minimum_customers": 50,
    "minimum_buyers": 20,
    "attribution": "conversions",
    "conversion_window": "P7D",
    "retention_days": 30,
    "pre_period_days": 14,
    "segments": ("New",),
    "targeted_segments": ("New",),
    "holdout_share": 0.1,
    "salt": "salt",
    "holdout_salt": "pepper",
    "alpha": 0.01,
    "power": 0.9,
    "minimum_effect": 0.2,
    "method": "fixed",
    "expected_customers": 10_000,
    "planned_customers": 10_000,
    "looks": 3,
    "spending": "pocock",
    "cuped": False,
    "correction": "benjamini_hochberg",
}


def changed(old, **fields):
    return Experiment.model_validate({**old.model_dump(), **fields})


def before(field):
    return experiment(guardrails=["retention"]) if field == "guardrail_margins" else experiment()


def test_every_field_has_a_change_here():
    assert set(CHANGES) == set(Experiment.model_fields)


@pytest.mark.parametrize("field", CHANGES)
def test_a_running_experiment_refuses_what_breaks_it_and_says_why(field):
    old = before(field)
    extra = {"planned_customers": 10_000} if field == "method" else {}
    refusals = check_change(old, changed(old, **{field: CHANGES[field]}, **extra), running=True)
    if field in {"description", "stop", "stopped_at"}:
        assert refusals == []
    else:
        assert field in {each.field for each in refusals}
        assert all(len(each.reason) > 20 for each in refusals)


@pytest.mark.parametrize("field", sorted(set(CHANGES) - {"id", "method"}))
def test_before_the_start_all_but_the_id_may_change(field):
    old = before(field)
    assert check_change(old, changed(old, **{field: CHANGES[field]}), running=False) == []
    assert [each.field for each in check_change(old, changed(old, id="x"), running=False)] == ["id"]


def test_a_planned_end_does_not_move_but_a_test_may_be_given_up_once():
    old = experiment(method="fixed", stop=LATER)
    longer = changed(old, stop=LATER + timedelta(days=7))
    assert [each.field for each in check_change(old, longer, running=True)] == ["stop"]
    ended = changed(old, stopped_at=LATER - timedelta(days=7))
    assert check_change(old, ended, running=True) == []
    assert [each.field for each in check_change(ended, changed(ended, stopped_at=None), running=True)] == ["stopped_at"]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"variants": [{"name": "A"}, {"name": "A"}]}, "same name twice: A, A"),
        ({"control": "C"}, "control is 'C', which is no variant; choose one of A, B"),
        ({"guardrails": ["conversion_rate"]}, "stands twice in conversion_rate, conversion_rate"),
        ({"stop": START}, "is not after start"),
        ({"method": "fixed"}, "give stop or planned_customers"),
        ({"method": "group_sequential"}, "give planned_customers"),
        ({"holdout_salt": "banner"}, "the holdout would empty one arm"),
        ({"alpha": 0.7}, "less than 0.5"),
        ({"start": "2026-03-01T00:00:00"}, "timezone"),
        ({"variants": [{"name": "A"}]}, "at least 2"),
        ({"wieght": 3}, "wieght"),
    ],
)
def test_what_cannot_work_is_refused_with_the_value_and_the_way_out(fields, said):
    with pytest.raises(ValidationError, match=said):
        experiment(**fields)


def test_a_definition_survives_json():
    plan = experiment("A", "B", "C", guardrails=["retention"], stop=LATER, segments=["New"])
    assert Experiment.model_validate_json(plan.model_dump_json()) == plan


def test_margins_are_those_of_guardrails():
    plan = experiment(guardrails=["retention", "average_order_value"], guardrail_margins={"retention": 0.02})
    assert [plan.margin(each) for each in plan.guardrails] == [0.02, 0.1]
    assert Experiment.model_validate_json(plan.model_dump_json()) == plan
    with pytest.raises(ValidationError, match="guardrail_margins names retention, which is no guardrail"):
        experiment(guardrail_margins={"retention": 0.02})
    with pytest.raises(ValidationError, match="the margin of retention is 0; give a share above 0"):
        experiment(guardrails=["retention"], guardrail_margins={"retention": 0.0})
