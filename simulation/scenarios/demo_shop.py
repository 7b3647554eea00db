"""The shop that the demo runs: the default one with an experiment that goes on, and a day that a demo can show."""

from typing import Final

from simulation.behaviour.ab_test import Effect, Experiment
from simulation.scenarios.named_scenarios import named_scenario
from simulation.scenarios.scenario import Scenario

__all__ = ["EXPERIMENT", "PAST_DAYS", "RECENT_DAYS", "live_scenario"]

PAST_DAYS: Final = 240
"""Days before the first baseline."""
RECENT_DAYS: Final = 45
"""Days from then to the moment at which the shop is live: so far back the dashboard's charts of 30 days look."""
EXPERIMENT: Final = "free-shipping"
_BEGINS: Final = PAST_DAYS + 5
_FOR_EVER: Final = 100_000


def live_scenario() -> Scenario:
    """Return the default shop in which free shipping is tried out from the recent days on.

    It converts 7 to 16 points better in every group but one, and 6 points worse among those who are fading: so the
    overall answer is to ship, and the segments differ.
    """
    experiment = Experiment(
        experiment=EXPERIMENT,
        variants={"control": 1, "free": 1},
        control="control",
        from_day=_BEGINS,
        until_day=_FOR_EVER,
        conversion={"vip": 0.3, "frequent": 0.22, "one-off": 0.08},
        default_conversion=0.14,
        effects={
            "free": {
                "vip": Effect(conversion=0.08),
                "frequent": Effect(conversion=0.16),
                "occasional": Effect(conversion=0.15),
                "one-off": Effect(conversion=0.07),
                "fading": Effect(conversion=-0.06),
                "new": Effect(conversion=0.15),
            }
        },
        delay_hours=18.0,
    )
    return named_scenario("default").model_copy(update={"name": "live", "experiment": experiment, "days": _FOR_EVER})
