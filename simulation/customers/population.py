"""The customers that are there: one row each, and nothing of those who have left."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from events.arrays import Flags, Floats, Ints
from events.time_units import DAY_MS
from simulation.customers.groups import Group

__all__ = ["CUSTOMER_ROW", "customer_ids", "group_sizes", "initial_joins_on", "rate_decline"]

CUSTOMER_ROW: Final = np.dtype(
    [
        ("number", np.int64),
        ("group", np.int64),
        ("signed_up", np.int64),  # ms since 1970 UTC: when the profile is published
        ("joined", np.int64),  # ms since 1970 UTC: the first order
        ("since", np.float64),  # share of today's business done when the customer joined
        ("rate", np.float64),  # purchases a day
        ("dropout", np.float64),
        ("nu", np.float64),
        ("online", np.bool_),
        ("variant", np.int64),
        ("exposed", np.bool_),
    ]
)
"""At most a hundred bytes a customer."""

_FORGOTTEN: Final = 10.0
"""Half-lives after which a customer whose rate declines has left: a thousandth of it remains."""


def customer_ids(numbers: Ints) -> list[str]:
    """Return the ids of customers.

    >>> customer_ids(np.array([7, 12_345_678]))
    ['c0000007', 'c12345678']
    """
    return [f"c{number:07d}" for number in numbers.tolist()]


def group_sizes(groups: Sequence[Group], customers: int) -> Ints:
    """Return how many customers each group has: shares in whole numbers, by the largest remainder."""
    shares = np.array([group.share for group in groups])
    exact = shares / shares.sum() * customers
    sizes = np.floor(exact).astype(np.int64)
    by_remainder = np.argsort(sizes - exact, kind="stable")
    sizes[by_remainder[: customers - int(sizes.sum())]] += 1
    return np.asarray(sizes)


def initial_joins_on(group: Group, size: int, day: int) -> int:
    """Return how many of a group's first customers join on a day: they are spread evenly over its joining days."""
    done = min(max(day - group.from_day, 0), group.joins_over_days)
    then = min(max(day - group.from_day + 1, 0), group.joins_over_days)
    return size * then // group.joins_over_days - size * done // group.joins_over_days


def rate_decline(groups: Sequence[Group], people: npt.NDArray[np.void], now_ms: int) -> tuple[Floats, Flags]:
    """Return what the rate of each customer is multiplied with for its age, and whether nothing of it is left."""
    lives = [group.buying.rate_half_life_days or np.inf for group in groups]
    ages = np.maximum(now_ms - people["joined"], 0) / DAY_MS / np.array(lives)[people["group"]]
    return np.exp2(-ages), ages > _FORGOTTEN
