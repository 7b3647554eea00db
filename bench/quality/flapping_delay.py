"""Flapping against delay: what hysteresis, dwell and cool-down cost and give, on the same customers."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from bench.quality.data.in_memory_customers import Population, fold_into
from bench.quality.data.order_logs import OrderLog
from bench.quality.inertia_and_agreement import FLAP_DAYS, Refit
from bench.quality.real_log_against_refit import baseline_of
from events.arrays import Ints
from state.customers.records import blank_rows
from stream.moves.hysteresis import Hysteresis, PerSegment

__all__ = ["CHOICES", "DampingChoice", "delays", "measure_flapping_delay", "returns"]

Figures = dict[str, Any]

_MONTH: Final = 30.0


class DampingChoice(NamedTuple):
    """Hysteresis (share), dwell and cool-down (days)."""

    hysteresis: float
    dwell: float = 0.0
    cooldown: float = 0.0

    @property
    def rule(self) -> Hysteresis:
        """The same for every segment."""
        return Hysteresis(*(PerSegment(value) for value in self))


CHOICES: Final = (
    *(DampingChoice(share) for share in (0.0, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4)),
    *(DampingChoice(0.05, dwell=days) for days in (3.0, 7.0, 14.0, 30.0)),
    *(DampingChoice(0.05, cooldown=days) for days in (3.0, 7.0, 14.0, 30.0)),
)


def measure_flapping_delay(
    log: OrderLog, from_ms: int, k: int, choices: Sequence[DampingChoice] = CHOICES
) -> list[Figures]:
    """Run each choice over a log from `from_ms` on, after a baseline on what lies before it."""
    cut = int(np.searchsorted(log.columns.times, from_ms))
    before, after = log.part(0, cut), log.part(cut, len(log))
    rows = blank_rows(len(log.names))
    fold_into(rows, before.columns, before.customers)
    baseline = baseline_of(rows, from_ms, k)
    found = []
    for choice in choices:
        people = Population(log, baseline, rows.copy(), from_ms, choice.rule)
        own, shown = [people.own()], [people.published()]
        for end_ms, orders in after.days():
            people.day(end_ms, orders)
            own.append(people.own())
            shown.append(people.published())
        found.append({**choice._asdict(), **_figures(people, np.array(own, np.int8), np.array(shown, np.int8), end_ms)})
    return found


def _figures(people: Population, own: Any, shown: Any, now_ms: int) -> Figures:
    there = people.rows["placed"] > 0
    fresh = Refit(people.segmenter.vectors(people.rows[there], now_ms), len(people.segmenter.segments), seeds=(0,))
    months = float((shown[1:] >= 0).sum()) / _MONTH
    late = delays(own, shown)
    return {
        "changes_per_month": int(((shown[1:] != shown[:-1]) & (shown[:-1] >= 0)).sum()) / months,
        "returns_per_month": returns(shown) / months,
        "delay_days": float(late.mean()) if len(late) else 0.0,
        "delay_p95_days": float(np.quantile(late, 0.95)) if len(late) else 0.0,
        "agreement": fresh.agreement(people.published()[there]),
    }


def returns(shown: npt.NDArray[np.integer[Any]], days: int = FLAP_DAYS) -> int:
    """Return how many moves go back to the segment left at most so many days before; `shown` is (days, customers).

    >>> returns(np.array([[0], [1], [1], [0], [2]]))
    1
    """
    where, who = np.nonzero(shown[1:] != shown[:-1])
    left: dict[tuple[int, int], int] = {}
    found = 0
    for day, customer, source, target in zip(
        where.tolist(), who.tolist(), shown[where, who].tolist(), shown[where + 1, who].tolist(), strict=True
    ):
        back = left.get((customer, target))
        found += back is not None and source >= 0 and day - back <= days
        left[customer, source] = day
    return found


def delays(own: npt.NDArray[np.integer[Any]], shown: npt.NDArray[np.integer[Any]], lasting: int = FLAP_DAYS) -> Ints:
    """Return, for each lasting move of the model's own cluster, the days until the world was told.

    Lasting is a move after which the cluster stays the same for so many days; never told counts as that long.

    >>> own = np.array([[0], [1], [1], [1]])
    >>> delays(own, np.array([[0], [0], [0], [1]]), lasting=3).tolist()
    [2]
    """
    found = []
    for customer in np.flatnonzero((own[1:] != own[:-1]).any(axis=0)).tolist():
        series, told = own[:, customer], shown[:, customer]
        starts = np.flatnonzero(series[1:] != series[:-1]) + 1
        ends = np.append(starts[1:], len(series))
        for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
            if end - start < lasting or series[start - 1] < 0:
                continue
            same = np.flatnonzero(told[start:end] == series[start])
            found.append(int(same[0]) if len(same) else end - start)
    return np.array(found, np.int64)
