"""Who customers are: the fields of their CRM profiles, drawn by group."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from events.arrays import Floats, Ints
from simulation.customers.groups import Group
from simulation.scenario_base_model import Weights, probabilities

__all__ = ["Profiles", "draw_profiles", "draw_texts"]

_YOUNGEST, _OLDEST = 18, 95


class Profiles(NamedTuple):
    """The fields of n profiles; texts as Python lists."""

    age: Ints
    gender: list[str]
    income: Floats
    country: list[str]
    source: list[str]
    consent: list[bool]
    household: Ints


def draw_profiles(rng: np.random.Generator, groups: Sequence[Group], membership: Ints) -> Profiles:
    """Draw profiles; `membership` (n,) is the position of each customer's group."""
    profiles = [group.profile for group in groups]
    n = len(membership)
    age = rng.normal([p.age_mean for p in profiles], [p.age_sd for p in profiles], (n, len(groups)))
    income = rng.normal(np.log([p.income_median for p in profiles]), [p.income_sigma for p in profiles], age.shape)
    row = np.arange(n)
    consent = rng.random(n) < np.array([p.marketing_consent for p in profiles])[membership]
    return Profiles(
        age=np.clip(np.rint(age[row, membership]), _YOUNGEST, _OLDEST).astype(np.int64),
        gender=draw_texts(rng, [p.genders for p in profiles], membership),
        income=np.rint(np.exp(income[row, membership]) / 100) * 100,
        country=draw_texts(rng, [p.countries for p in profiles], membership),
        source=draw_texts(rng, [p.sources for p in profiles], membership),
        consent=consent.tolist(),
        household=1 + rng.poisson(1.2, n),
    )


def draw_texts(rng: np.random.Generator, weights: Sequence[Weights], membership: Ints) -> list[str]:
    """Draw a text for each member: by the weights of its group."""
    names = list(dict.fromkeys(name for each in weights for name in each))
    table = np.zeros((len(weights), len(names)))
    for row, each in enumerate(weights):
        table[row, [names.index(name) for name in each]] = probabilities(each)
    positions = (rng.random(len(membership))[:, None] > np.cumsum(table, axis=1)[membership]).sum(axis=1)
    return [names[position] for position in np.minimum(positions, len(names) - 1).tolist()]
