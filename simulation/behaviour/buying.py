"""Purchases of one day and amounts: BG/NBD and Gamma-Gamma, drawn for all customers at once.

Sources: Fader, Hardie and Lee (2005), Marketing Science 24(2), 275-284; Fader and Hardie (2013),
brucehardie.com/notes/025.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from events.arrays import Floats, Ints
from simulation.customers.groups import Group

__all__ = ["Purchases", "Traits", "draw_amounts", "draw_purchases", "draw_traits"]

_NEVER: Final = np.iinfo(np.int64).max
_WEEK_DAYS: Final = 7.0
_LARGEST: Final = 1e9


class Traits(NamedTuple):
    """What BG/NBD and Gamma-Gamma give each of n customers: purchases a day, chance to leave, rate of the amounts."""

    rate: Floats
    dropout: Floats
    nu: Floats


class Purchases(NamedTuple):
    """Purchases of a day by customer and time.

    `owner` is the customer's position, `share` the share of the day's business that was done before; `leaving` holds
    the positions of customers whose last purchase in it was their last ever.
    """

    owner: Ints
    share: Floats
    leaving: Ints


def draw_traits(rng: np.random.Generator, groups: Sequence[Group], membership: Ints) -> Traits:
    """Draw the traits of customers; `membership` (n,) is the position of each one's group."""
    buying, spend = [group.buying for group in groups], [group.spend for group in groups]
    rate = rng.gamma(np.array([b.r for b in buying])[membership])
    rate /= np.array([b.alpha for b in buying])[membership] * _WEEK_DAYS
    a = np.array([b.dropout.a if b.dropout else 1.0 for b in buying])[membership]
    b = np.array([b.dropout.b if b.dropout else 1.0 for b in buying])[membership]
    leaves = np.array([group.dropout is not None for group in buying])[membership]
    dropout = np.where(leaves, rng.beta(a, b), 0.0)
    nu = rng.gamma(np.array([s.q for s in spend])[membership])
    nu /= np.array([s.gamma for s in spend])[membership]
    return Traits(rate, dropout, np.maximum(nu, 1e-9))


def draw_purchases(rng: np.random.Generator, expected: Floats, dropout: Floats, since: Floats) -> Purchases:
    """Draw the repeat purchases of one day.

    Args:
        rng: the source of randomness.
        expected: (n,) purchases that a customer would make in the whole day.
        dropout: (n,) probability of leaving after each of them; 0 is never.
        since: (n,) share of the day's business that was done when the customer joined; 0 for those of before.
    """
    counts = rng.poisson(expected * (1.0 - since))
    buyers = np.flatnonzero(counts)
    counts = counts[buyers]
    chance = dropout[buyers]
    drawn = rng.geometric(np.where(chance > 0, chance, 1.0))
    last = np.where(chance > 0, drawn, _NEVER)
    owner = np.repeat(buyers, counts)
    share = since[owner] + rng.random(len(owner)) * (1.0 - since[owner])
    share = share[np.lexsort((share, owner))]
    position = np.arange(len(owner)) - np.repeat(np.cumsum(counts) - counts, counts)
    kept = position < np.repeat(last, counts)
    return Purchases(owner[kept], share[kept], buyers[counts >= last])


def draw_amounts(rng: np.random.Generator, shape: Floats, nu: Floats, factor: Floats) -> Floats:
    """Draw the amount of each order: Gamma with the group's `shape` p and the customer's `nu`, times a factor."""
    return np.minimum(rng.gamma(shape) / nu * factor, _LARGEST)
