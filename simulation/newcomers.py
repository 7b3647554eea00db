"""Who joins on a day: a group's first customers over its joining days, newcomers from then on."""

import numpy as np
import numpy.typing as npt

from events.arrays import Floats
from simulation.behaviour.ab_test import draw_variants
from simulation.behaviour.buying import draw_traits
from simulation.customers.population import CUSTOMER_ROW, group_sizes, initial_joins_on
from simulation.scenarios.scenario import Scenario

__all__ = ["Newcomers"]


class Newcomers:
    """Draws the customers who join, and numbers all customers of a run."""

    def __init__(self, scenario: Scenario, customers: int) -> None:
        self._scenario = scenario
        self._sizes = group_sizes(scenario.groups, customers)
        self._numbered = 0

    def on(self, rng: np.random.Generator, day: int, joins: Floats) -> npt.NDArray[np.void]:
        """Return rows of those who join on a day, but for the time; `joins` (groups,) multiplies the later ones."""
        groups = self._scenario.groups
        founders = [initial_joins_on(group, int(size), day) for group, size in zip(groups, self._sizes, strict=True)]
        opened = [day >= group.from_day + group.joins_over_days for group in groups]
        later = self._sizes * [group.joins_per_day for group in groups] * opened * joins
        membership = np.repeat(np.arange(len(groups)), founders + rng.poisson(later))
        people = np.zeros(len(membership), CUSTOMER_ROW)
        people["number"] = self._numbered + 1 + np.arange(len(people))
        self._numbered += len(people)
        people["group"] = membership
        people["since"] = rng.random(len(people))
        people["rate"], people["dropout"], people["nu"] = draw_traits(rng, groups, membership)
        web_share = np.array([group.visits.web_share for group in groups])[membership]
        people["online"] = rng.random(len(people)) < web_share
        if self._scenario.experiment:
            people["variant"] = draw_variants(rng, self._scenario.experiment, len(people))
        return people

    def is_exhausted(self, day: int) -> bool:
        """Return whether nobody joins from a day on."""
        groups = self._scenario.groups
        return all(day >= group.from_day + group.joins_over_days and not group.joins_per_day for group in groups)
