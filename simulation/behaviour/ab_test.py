"""An A/B experiment whose effects are known: who is in which variant, exposures by session, conversions after them."""

from collections.abc import Sequence
from typing import Annotated, NamedTuple

import numpy as np
from pydantic import Field, model_validator

from events.arrays import Floats, Ints
from events.time_units import HOUR_MS
from simulation.behaviour.visits import Sessions
from simulation.scenario_base_model import Name, ScenarioPart, Share, Weights, probabilities

__all__ = ["Effect", "Experiment", "Exposures", "draw_conversions", "draw_exposures", "draw_variants", "is_running"]


class Effect(ScenarioPart):
    """What a variant does to a group, compared with the control."""

    conversion: Annotated[float, Field(ge=-1, le=1)] = Field(0.0, description="added to the conversion rate")
    purchase_rate: Annotated[float, Field(ge=0, le=100)] = Field(1.0, description="times the orders, while it runs")


class Experiment(ScenarioPart):
    """Every session within the experiment's days is an exposure; the first one may lead to a conversion."""

    experiment: Name
    variants: Weights
    control: Name
    from_day: Annotated[int, Field(ge=0, le=100_000)]
    until_day: Annotated[int, Field(ge=0, le=100_000)]
    conversion: dict[Name, Share] = Field(
        default_factory=dict, description="rate of the control by group, where it is not the default"
    )
    default_conversion: Share = 0.1
    effects: dict[Name, dict[Name, Effect]] = Field(
        default_factory=dict, description="by variant, then by group; none where not named"
    )
    delay_hours: Annotated[float, Field(gt=0, le=720)] = Field(24.0, description="mean time to the conversion")

    @model_validator(mode="after")
    def _is_coherent(self) -> "Experiment":
        if self.until_day <= self.from_day:
            raise ValueError(f"until_day {self.until_day} should lie after from_day {self.from_day}")
        if self.control not in self.variants:
            raise ValueError(f"the control {self.control!r} is none of the variants {', '.join(self.variants)}")
        for variant, effects in self.effects.items():
            if variant not in self.variants or variant == self.control:
                raise ValueError(f"effects are for variants beside the control, found {variant!r}")
            for group in effects:
                if not 0 <= self.rate(group, variant) <= 1:
                    raise ValueError(
                        f"the conversion rate of {group!r} under {variant!r} should be from 0 to 1, "
                        f"found {self.rate(group, variant):g}"
                    )
        return self

    def effect(self, group: str, variant: str) -> Effect:
        """Return what a variant does to a group."""
        return self.effects.get(variant, {}).get(group, Effect())

    def rate(self, group: str, variant: str) -> float:
        """Return the probability that an exposed customer converts."""
        return self.conversion.get(group, self.default_conversion) + self.effect(group, variant).conversion

    def rates(self, groups: Sequence[str]) -> Floats:
        """Return the conversion rates, (groups, variants)."""
        return np.array([[self.rate(group, variant) for variant in self.variants] for group in groups])

    def multipliers(self, groups: Sequence[str]) -> Floats:
        """Return what the purchase rates of exposed customers are multiplied with, (groups, variants)."""
        return np.array([[self.effect(group, name).purchase_rate for name in self.variants] for group in groups])


class Exposures(NamedTuple):
    """Exposures by time: the customer's position, when (ms), and whether it is that customer's first."""

    owner: Ints
    at: Ints
    first: np.ndarray[tuple[int], np.dtype[np.bool_]]


def is_running(experiment: Experiment, day: int) -> bool:
    """Return whether the experiment runs on a day."""
    return experiment.from_day <= day < experiment.until_day


def draw_variants(rng: np.random.Generator, experiment: Experiment, customers: int) -> Ints:
    """Draw the position of each customer's variant."""
    return rng.choice(len(experiment.variants), customers, p=probabilities(experiment.variants))


def draw_exposures(
    rng: np.random.Generator,
    sessions: Sessions,
    window: tuple[int, int],
    signed_up: Ints,
    exposed: np.ndarray[tuple[int], np.dtype[np.bool_]],
) -> Exposures:
    """Draw one exposure in each session, and keep those in the `window` (ms, end not included).

    `signed_up` (n,) says when each customer did, ms: nobody is known before; `exposed` (n,) who was exposed before.
    """
    since = np.maximum(sessions.started, signed_up[sessions.owner])
    at = since + ((sessions.ended - since) * rng.random(len(sessions.owner))).astype(np.int64)
    inside = np.flatnonzero((at >= window[0]) & (at < window[1]))
    inside = inside[np.argsort(at[inside], kind="stable")]
    owner = sessions.owner[inside]
    first = np.zeros(len(owner), np.bool_)
    first[np.unique(owner, return_index=True)[1]] = True
    return Exposures(owner, at[inside], first & ~exposed[owner])


def draw_conversions(rng: np.random.Generator, experiment: Experiment, rates: Floats, at: Ints) -> tuple[Ints, Ints]:
    """Draw who converts of those that were first exposed `at` (n,), with the probabilities `rates` (n,).

    Returns:
        The positions of those who do, and when.
    """
    converts = np.flatnonzero(rng.random(len(at)) < rates)
    delay = rng.exponential(experiment.delay_hours * HOUR_MS, len(converts)).astype(np.int64)
    return converts, at[converts] + 1_000 + delay
