"""The page on the simulated shop names what there is, and its example is one."""

import re
from pathlib import Path

from simulation.scenarios.named_scenarios import SCENARIOS
from simulation.scenarios.scenario import parse_scenario

PAGE = (Path(__file__).parents[2] / "docs/simulation.md").read_text()


def test_every_scenario_is_described():
    table = PAGE.partition("## Scenarios")[2].partition("###")[0]
    assert re.findall(r"^\| `([\w-]+)` \|", table, re.MULTILINE) == list(SCENARIOS)


def test_the_example_is_a_scenario():
    (example,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    made = parse_scenario(example, "docs/simulation.md")
    assert made.group_names == ["regulars", "bargain-hunters"]
    assert made.experiment is not None
    assert made.experiment.rate("regulars", "bold") == 0.25


def test_every_field_of_the_first_level_is_named():
    named = set(re.findall(r"\w+", PAGE))
    shown = next(iter(SCENARIOS.values())).model_dump()
    group = shown["groups"][0]
    fields = [*shown, *group, *group["visits"], *group["profile"], *group["buying"], *shown["experiment"]]
    assert [field for field in fields if field not in named] == []
