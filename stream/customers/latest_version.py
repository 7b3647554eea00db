"""The same thing told several times: which telling is the latest, and which ones were news when they came."""

from collections.abc import Sequence

import numpy as np

from events.arrays import Flags, Ints

__all__ = ["is_news", "latest"]


def latest(before: Sequence[Ints], told: Sequence[Ints], places: Ints) -> list[Ints]:
    """Return, for each of g things, the columns of its greatest telling; `before` (g,) is what was known of it.

    Tellings (m,) are compared by their first column, where that is equal by the second, and so on; `places` (m,) says
    which thing each is about. So the order in which they came does not matter.

    >>> [column.tolist() for column in latest([np.array([5])], [np.array([4, 7])], np.array([0, 0]))]
    [[7]]
    """
    ranks = _ranks(before, told)
    best = ranks[: len(before[0])].copy()
    np.maximum.at(best, places, ranks[len(before[0]) :])
    found = np.empty(len(ranks), np.int64)
    found[ranks] = np.arange(len(ranks))
    return [np.concatenate([old, new])[found[best]] for old, new in zip(before, told, strict=True)]


def is_news(before: Sequence[Ints], told: Sequence[Ints], places: Ints) -> Flags:
    """Return which tellings (m,) are greater than what was known of their thing and than all tellings before them.

    >>> is_news([np.array([5])], [np.array([4, 7, 7])], np.array([0, 0, 0])).tolist()
    [False, True, False]
    """
    g = len(before[0])
    ranks, things = _ranks(before, told), np.concatenate([np.arange(g), places])
    in_turn = np.argsort(things, kind="stable")  # each thing as it was known, then its tellings as they came
    values = things[in_turn] * (len(ranks) + 1) + ranks[in_turn]
    news = np.zeros(len(ranks), np.bool_)
    news[in_turn[1:]] = values[1:] > np.maximum.accumulate(values)[:-1]
    return news[g:]


def _ranks(before: Sequence[Ints], told: Sequence[Ints]) -> Ints:
    """Return the places of all tellings, those of before first, in their order; equal ones have the same."""
    columns = [np.concatenate([old, new]) for old, new in zip(before, told, strict=True)]
    order = np.lexsort(columns[::-1])
    differs = np.zeros(max(len(order) - 1, 0), np.bool_)
    for column in columns:
        differs |= np.diff(column[order]) != 0
    ranks = np.empty(len(order), np.int64)
    ranks[order] = np.concatenate([[0], np.cumsum(differs)]) if len(order) else 0
    return ranks
