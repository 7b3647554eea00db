"""A scenario: everything about a shop but its size and its seed; from a file or by name."""

import itertools
from typing import Annotated, Any

import yaml
from pydantic import Field, StringConstraints, ValidationError, model_validator

from events.base_error import ShoalError
from events.schema.field_types import CURRENCY_PATTERN
from simulation.behaviour.ab_test import Experiment
from simulation.behaviour.seasons import Seasonality
from simulation.customers.groups import Group
from simulation.scenario_base_model import Name, ScenarioPart
from simulation.scenarios.regimes import Regime

__all__ = ["Scenario", "ScenarioInvalid", "parse_scenario"]

_MAX_REPORTED = 5


class ScenarioInvalid(ShoalError):
    """A scenario file does not describe a shop."""


class Scenario(ScenarioPart):
    """Groups of customers, when the shop is busy, what changes when, and an experiment."""

    name: Name
    description: Annotated[str, Field(max_length=1_000)] = ""
    currency: Annotated[str, StringConstraints(pattern=CURRENCY_PATTERN)] = "EUR"
    days: Annotated[int, Field(ge=1, le=100_000)] = Field(365, description="length, where none is asked for")
    groups: Annotated[list[Group], Field(min_length=1, max_length=100)]
    seasonality: Seasonality = Seasonality()
    regimes: Annotated[list[Regime], Field(max_length=1_000)] = Field(default_factory=list)
    experiment: Experiment | None = None

    @property
    def group_names(self) -> list[str]:
        """The groups' names, in order."""
        return [group.name for group in self.groups]

    @model_validator(mode="after")
    def _names_are_known(self) -> "Scenario":
        names = self.group_names
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"two groups are called {twice!r}")
        for where, used in self._used():
            if used not in names:
                raise ValueError(f"{where} names the group {used!r}; there are {', '.join(names)}")
        return self

    def _used(self) -> list[tuple[str, str]]:
        used = [(f"the regime {regime.name!r}", group) for regime in self.regimes for group in regime.groups or []]
        if self.experiment is not None:
            named = [*self.experiment.conversion, *itertools.chain(*self.experiment.effects.values())]
            used += [("the experiment", group) for group in named]
        return used


def parse_scenario(text: str, source: str) -> Scenario:
    """Return the scenario that a JSON or YAML text describes; `source` names it in errors. Raises ScenarioInvalid."""
    try:
        found: Any = yaml.safe_load(text)  # JSON is YAML
    except yaml.YAMLError as error:
        raise ScenarioInvalid(f"{source}: neither YAML nor JSON: {' '.join(str(error).split())}") from error
    if not isinstance(found, dict):
        raise ScenarioInvalid(f"{source}: a scenario has fields such as name and groups, found {str(found)[:60]!r}")
    try:
        return Scenario.model_validate(found)
    except ValidationError as error:
        details = error.errors(include_url=False)
        more = f"; and {len(details) - _MAX_REPORTED} more" if len(details) > _MAX_REPORTED else ""
        raise ScenarioInvalid(f"{source}: {'; '.join(_sentence(d) for d in details[:_MAX_REPORTED])}{more}") from error


def _sentence(detail: Any) -> str:
    place = ".".join(map(str, detail["loc"])) or "the scenario"
    message = str(detail["msg"]).removeprefix("Value error, ")
    found = "" if detail["type"] in ("missing", "value_error") else f", found {detail['input']!r:.60}"
    return f"{place}: {message[:1].lower()}{message[1:]}{found}"
