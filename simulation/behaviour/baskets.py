"""What is in an order: items whose prices make up its amount, to the cent."""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from events.arrays import Floats, Ints
from simulation.customers.groups import Group
from simulation.scenario_base_model import probabilities

__all__ = ["Baskets", "draw_baskets"]

_EXTRA_ITEMS: Final = 0.8
_MOST_ITEMS: Final = 6
_PRODUCTS: Final = 40
_QUANTITIES: Final = (1, 2, 3)
_QUANTITY_CHANCES: Final = (0.8, 0.15, 0.05)


class Baskets(NamedTuple):
    """m items of n orders in the orders' order: `bounds` (n + 1,) says which are whose, prices are cents.

    `cents` (n,) is the amount of each order: the sum of price times quantity, within a few cents of the one asked for.
    """

    bounds: Ints
    category: Ints
    product: Ints
    quantity: Ints
    price: Ints
    cents: Ints


def draw_baskets(
    rng: np.random.Generator, groups: Sequence[Group], categories: Sequence[str], membership: Ints, amounts: Floats
) -> Baskets:
    """Draw the items of orders; `membership` (n,) is the position of each order's group, `categories` are all."""
    sizes = 1 + np.minimum(rng.poisson(_EXTRA_ITEMS, len(amounts)), _MOST_ITEMS - 1)
    bounds = np.concatenate(([0], np.cumsum(sizes)))
    order = np.repeat(np.arange(len(amounts)), sizes)
    weight = 0.2 + rng.random(len(order))
    weight /= np.bincount(order, weight, len(amounts))[order]
    quantity = rng.choice(_QUANTITIES, len(order), p=_QUANTITY_CHANCES)
    price = np.maximum(np.rint(amounts[order] * weight * 100 / quantity), 1.0).astype(np.int64)
    cents = np.bincount(order, price * quantity, len(amounts)).astype(np.int64)
    share = np.cumsum([_by_name(group, categories) for group in groups], axis=1)
    category = (rng.random(len(order))[:, None] > share[membership[order]]).sum(axis=1)
    product = rng.integers(1, _PRODUCTS + 1, len(order))
    return Baskets(bounds, np.minimum(category, len(categories) - 1), product, quantity, price, cents)


def _by_name(group: Group, categories: Sequence[str]) -> Floats:
    found = dict(zip(group.categories, probabilities(group.categories).tolist(), strict=True))
    return np.array([found.get(category, 0.0) for category in categories])
