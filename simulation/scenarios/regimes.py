"""Scripted changes: a promotion, a new price, a group that dies. Several at once multiply."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from pydantic import Field, model_validator

from events.arrays import Floats
from simulation.scenario_base_model import Name, ScenarioPart, Share

__all__ = ["Effects", "Regime", "effects_on"]

_Factor = Annotated[float, Field(ge=0, le=1_000)]
_Day = Annotated[int, Field(ge=0, le=100_000)]


class Regime(ScenarioPart):
    """What is different for some groups (all, where none is named) from a day until before another."""

    name: Name
    from_day: _Day
    until_day: _Day | None = None
    groups: list[Name] | None = None
    purchase_rate: _Factor = Field(1.0, description="times the orders")
    spend: _Factor = Field(1.0, description="times the amount of an order")
    browsing: _Factor = Field(1.0, description="times the sessions that lead nowhere")
    joins: _Factor = Field(1.0, description="times the newcomers")
    leaves_per_day: Share = Field(0.0, description="chance of each customer to leave for good, every day")

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> "Regime":
        if self.until_day is not None and self.until_day <= self.from_day:
            raise ValueError(f"until_day {self.until_day} should lie after from_day {self.from_day}")
        return self

    def holds(self, group: str, day: int) -> bool:
        """Return whether it applies to a group on a day."""
        begun = self.from_day <= day and (self.until_day is None or day < self.until_day)
        return begun and (self.groups is None or group in self.groups)


@dataclass(frozen=True)
class Effects:
    """All regimes of a day together, each an array by group."""

    purchase_rate: Floats
    spend: Floats
    browsing: Floats
    joins: Floats
    leaves_per_day: Floats


def effects_on(regimes: Sequence[Regime], groups: Sequence[str], day: int) -> Effects:
    """Return what the regimes do to each group on a day.

    >>> sale = Regime(name="sale", from_day=3, until_day=5, groups=["vip"], purchase_rate=2)
    >>> [effects_on([sale], ["vip", "new"], day).purchase_rate.tolist() for day in (2, 4, 5)]
    [[1.0, 1.0], [2.0, 1.0], [1.0, 1.0]]
    """
    found = [[regime for regime in regimes if regime.holds(group, day)] for group in groups]

    def product(name: str) -> Floats:
        return np.array([np.prod([getattr(regime, name) for regime in those]) for those in found], np.float64)

    stays = [np.prod([1.0 - regime.leaves_per_day for regime in those]) for those in found]
    return Effects(
        purchase_rate=product("purchase_rate"),
        spend=product("spend"),
        browsing=product("browsing"),
        joins=product("joins"),
        leaves_per_day=1.0 - np.array(stays, np.float64),
    )
