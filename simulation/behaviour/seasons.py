"""When a shop is busy: by month, weekday and hour, each with mean 1, so that the yearly rate stays the group's."""

from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Final

import numpy as np
from pydantic import AfterValidator, Field

from events.arrays import Floats, Ints
from events.time_units import DAY_MS, HOUR_MS
from simulation.scenario_base_model import ScenarioPart

__all__ = ["Seasonality", "day_factor", "times_of_day"]

_YEAR: Final = 2025  # any that is not a leap year: the months' lengths


def _busy(weights: list[float]) -> list[float]:
    if not sum(weights) > 0:
        raise ValueError("at least one weight should be greater than 0")
    return weights


_Weight = Annotated[float, Field(ge=0, le=1e6)]


class Seasonality(ScenarioPart):
    """Relative weights in UTC; the default is a shop that is the same at any time."""

    months: Annotated[list[_Weight], Field(min_length=12, max_length=12), AfterValidator(_busy)] = [1.0] * 12
    weekdays: Annotated[list[_Weight], Field(min_length=7, max_length=7), AfterValidator(_busy)] = [1.0] * 7
    hours: Annotated[list[_Weight], Field(min_length=24, max_length=24), AfterValidator(_busy)] = [1.0] * 24


def day_factor(seasonality: Seasonality, day: date) -> float:
    """Return by how much a day is busier than the mean day.

    >>> day_factor(Seasonality(weekdays=[1, 1, 1, 1, 1, 1, 8]), date(2025, 1, 5))
    4.0
    """
    lengths = [(date(_YEAR + m // 12, m % 12 + 1, 1) - date(_YEAR, m, 1)).days for m in range(1, 13)]
    month_mean = np.average(seasonality.months, weights=lengths)
    weekday_mean = np.mean(seasonality.weekdays)
    factor = seasonality.months[day.month - 1] / month_mean * seasonality.weekdays[day.weekday()] / weekday_mean
    return float(factor)


def times_of_day(seasonality: Seasonality, begin_ms: int, shares: Floats) -> Ints:
    """Return the times (ms since 1970 UTC) at which shares of the 24 hours' business from `begin_ms` on are done.

    Uniform shares give times distributed as the hours say; the mapping is monotone.
    """
    first = datetime.fromtimestamp(begin_ms / 1000, UTC)
    into_hour = begin_ms % HOUR_MS
    edges = np.concatenate(([0], np.arange(1, 25) * HOUR_MS - into_hour, [DAY_MS]))
    hours = [(first + timedelta(hours=h)).hour for h in range(25)]
    mass = np.concatenate(([0.0], np.cumsum(np.array(seasonality.hours)[hours] * np.diff(edges))))
    return begin_ms + np.interp(shares, mass / mass[-1], edges).astype(np.int64)
