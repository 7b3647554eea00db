"""Web sessions of one day: those that end in an order, those that lead up to one, and browsing."""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from events.arrays import Flags, Floats, Ints
from events.time_units import HOUR_MS
from simulation.customers.groups import Group

__all__ = ["Sessions", "draw_leads", "draw_sessions"]

_LONGEST_LEAD_MS: Final = 19 * HOUR_MS  # with the longest session, no event is more than a day before its order
_LONGEST_S: Final = 14_400.0
_SECONDS_A_PAGE: Final = 35.0
_ABANDONED: Final = 0.12


class Sessions(NamedTuple):
    """n sessions: the position of the customer, begin and end (ms since 1970 UTC), pages, things put into the cart."""

    owner: Ints
    started: Ints
    ended: Ints
    pages: Ints
    cart_adds: Ints


def draw_leads(rng: np.random.Generator, groups: Sequence[Group], membership: Ints, ordered: Ints) -> tuple[Ints, Ints]:
    """Draw the sessions that lead up to orders, without the ones in which the orders are placed.

    Args:
        rng: the source of randomness.
        groups: the groups.
        membership: (n,) the position of each order's group.
        ordered: (n,) when the orders are placed, ms.

    Returns:
        The position of each session's order, and when the session ends: less than a day before the order.
    """
    extra = np.array([group.visits.per_order - 1.0 for group in groups])[membership]
    hours = np.array([group.visits.lead_hours for group in groups])[membership]
    which = np.repeat(np.arange(len(ordered)), rng.poisson(extra))
    lead = np.minimum(rng.exponential(hours[which]) * HOUR_MS, _LONGEST_LEAD_MS)
    return which, ordered[which] - lead.astype(np.int64) - 60_000


def draw_sessions(rng: np.random.Generator, mean_pages: Floats, owner: Ints, ended: Ints, buying: Flags) -> Sessions:
    """Draw what happens in sessions that end at given times; `buying` ones have something in the cart."""
    pages = 1 + rng.poisson(mean_pages - 1.0)
    seconds = np.clip(rng.gamma(2.0, _SECONDS_A_PAGE / 2.0, len(owner)) * pages, 1.0, _LONGEST_S)
    added = np.where(buying, 1 + rng.poisson(0.6, len(owner)), rng.random(len(owner)) < _ABANDONED)
    return Sessions(owner, ended - (seconds * 1000).astype(np.int64), ended, pages, added)
