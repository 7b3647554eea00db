"""Orders that are taken back: cancelled within a day, whole, or refunded within a month, half of these in part."""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from events.arrays import Ints
from events.time_units import DAY_MS
from simulation.customers.groups import Group

__all__ = ["OrderReturns", "draw_returns"]

_MINUTE_MS: Final = 60_000
_LEAST: Final = 0.2


class OrderReturns(NamedTuple):
    """m of n orders: the order's position, when and how much of it is taken back (ms, cents), cancelled or refunded."""

    order: Ints
    at: Ints
    cents: Ints
    kinds: list[str]


def draw_returns(
    rng: np.random.Generator, groups: Sequence[Group], membership: Ints, ordered: Ints, cents: Ints
) -> OrderReturns:
    """Draw which orders are taken back.

    Args:
        rng: the source of randomness.
        groups: the groups.
        membership: (n,) the position of each order's group.
        ordered: (n,) when they were placed, ms.
        cents: (n,) their amounts.
    """
    cancelled = np.array([group.returns.cancelled for group in groups])[membership]
    refunded = np.array([group.returns.refunded for group in groups])[membership]
    chance = rng.random(len(ordered))
    order = np.flatnonzero(chance < cancelled + refunded)
    is_cancelled = chance[order] < cancelled[order]
    soon = rng.integers(5 * _MINUTE_MS, DAY_MS, len(order))
    late = rng.integers(2 * DAY_MS, 30 * DAY_MS, len(order))
    in_part = ~is_cancelled & (rng.random(len(order)) < 0.5)
    share = np.where(in_part, rng.uniform(_LEAST, 1.0, len(order)), 1.0)
    return OrderReturns(
        order,
        ordered[order] + np.where(is_cancelled, soon, late),
        np.maximum(np.rint(cents[order] * share), 1.0).astype(np.int64),
        np.where(is_cancelled, "cancelled", "refunded").tolist(),
    )
