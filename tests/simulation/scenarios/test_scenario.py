"""Scenario files: what is accepted, and what is said of what is not."""

import json

import pytest

from simulation.scenarios.named_scenarios import SCENARIOS
from simulation.scenarios.scenario import ScenarioInvalid, parse_scenario

GROUP = {"name": "a", "share": 1, "buying": {"r": 1, "alpha": 2}, "spend": {"p": 1, "q": 2, "gamma": 3}}
SOUND = {"name": "mine", "groups": [GROUP]}


@pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=lambda scenario: scenario.name)
def test_a_scenario_written_as_json_is_read_as_itself(scenario):
    assert parse_scenario(scenario.model_dump_json(), "file") == scenario


def test_yaml_is_read():
    text = """
    name: mine
    groups:
      - {name: a, share: 1, buying: {r: 1, alpha: 2}, spend: {p: 1, q: 2, gamma: 3}}
    """
    assert parse_scenario(text, "file") == parse_scenario(json.dumps(SOUND), "file")


def test_the_order_of_weights_does_not_matter():
    one, other = ({"categories": dict(weights)} for weights in ([("x", 1), ("y", 2)], [("y", 2), ("x", 1)]))
    made = [parse_scenario(json.dumps(SOUND | {"groups": [GROUP | each]}), "file") for each in (one, other)]
    assert made[0].model_dump_json() == made[1].model_dump_json()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"groups": []}, "groups: list should have at least 1 item after validation, not 0, found []"),
        ({"days": 0}, "days: input should be greater than or equal to 1, found 0"),
        ({"dais": 3}, "dais: extra inputs are not permitted, found 3"),
        ({"currency": "euro"}, "currency: string should match pattern '^[A-Z]{3}$', found 'euro'"),
        ({"groups": [GROUP, GROUP]}, "the scenario: two groups are called 'a'"),
        ({"groups": [GROUP | {"spend": {"p": 1, "q": 1, "gamma": 3}}]}, "groups.0.spend.q: input should be greater "),
        ({"groups": [{"name": "a"}]}, "groups.0.share: field required; groups.0.buying: field required; "),
        ({"groups": [GROUP | {"categories": {"x": 0}}]}, "at least one weight should be greater than 0"),
        ({"groups": [GROUP | {"returns": {"cancelled": 0.6, "refunded": 0.6}}]}, "should make at most 1, found 1.2"),
        ({"regimes": [{"name": "r", "from_day": 3, "until_day": 3}]}, "until_day 3 should lie after from_day 3"),
        (
            {"regimes": [{"name": "r", "from_day": 3, "groups": ["b"]}]},
            "the scenario: the regime 'r' names the group 'b'; there are a",
        ),
        (
            {
                "experiment": {
                    "experiment": "e",
                    "variants": {"A": 1, "B": 1},
                    "control": "A",
                    "from_day": 0,
                    "until_day": 1,
                    "effects": {"B": {"b": {}}},
                }
            },
            "the scenario: the experiment names the group 'b'; there are a",
        ),
        ({"seasonality": {"weekdays": [0] * 7}}, "seasonality.weekdays: at least one weight should be greater than 0"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(change, told):
    with pytest.raises(ScenarioInvalid) as caught:
        parse_scenario(json.dumps(SOUND | change), "mine.yaml")
    assert str(caught.value).startswith("mine.yaml: ")
    assert told in str(caught.value)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a: [", "mine.yaml: neither YAML nor JSON: "),
        ("", "mine.yaml: a scenario has fields such as name and groups, found 'None'"),
        ("[1]", "mine.yaml: a scenario has fields such as name and groups, found '[1]'"),
    ],
)
def test_what_is_no_scenario_at_all_is_refused(text, told):
    with pytest.raises(ScenarioInvalid) as caught:
        parse_scenario(text, "mine.yaml")
    assert str(caught.value).startswith(told)
