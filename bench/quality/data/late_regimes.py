"""The built-in scenarios with their change later: by then the decayed sums of the first customers have converged."""

from simulation.scenarios.named_scenarios import named_scenario
from simulation.scenarios.scenario import Scenario

__all__ = ["AFFECTED_GROUPS", "scenario_with_change_on"]

_CHANGE_DAY = 120

AFFECTED_GROUPS = {
    "promotion": ("frequent", "big-basket", "occasional", "rare"),
    "price-change": ("vip", "frequent", "big-basket", "occasional", "rare"),
    "dying-group": ("frequent",),
    "new-group": ("arriving",),
}
"""The groups that each scenario's change is about."""


def scenario_with_change_on(name: str, day: int, days: int) -> Scenario:
    """Return a built-in scenario of so many days whose change comes on another day."""
    scenario = named_scenario(name)
    later = day - _CHANGE_DAY
    regimes = [
        regime.model_copy(
            update={
                "from_day": regime.from_day + later,
                "until_day": None if regime.until_day is None else regime.until_day + later,
            }
        )
        for regime in scenario.regimes
    ]
    groups = [
        group.model_copy(update={"from_day": group.from_day + later}) if group.from_day >= _CHANGE_DAY else group
        for group in scenario.groups
    ]
    return scenario.model_copy(update={"regimes": regimes, "groups": groups, "days": days})
