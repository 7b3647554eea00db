"""Group-sequential tests: a few planned looks, with the error of all of them spent as Lan and DeMets (1983) do."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import optimize, stats

from .outcome import CannotSay, Interval, Outcome, Reason
from .sample import Sample

__all__ = ["Look", "Spending", "critical_values", "look_at", "obrien_fleming", "pocock"]

Floats = npt.NDArray[np.float64]
Spending = Callable[[float, float], float]
"""(share of the planned information, alpha) -> error spent so far, two-sided."""

_HIGHEST: Final = 8.0
"""A bound that is never crossed: its two-sided error is 1e-15."""


def obrien_fleming(information: float, alpha: float) -> float:
    """Return what an O'Brien-Fleming-like plan has spent: 4 (1 - Phi(z(alpha / 4) / sqrt(t))), little early on."""
    return float(4.0 * stats.norm.sf(stats.norm.isf(alpha / 4.0) / np.sqrt(information)))


def pocock(information: float, alpha: float) -> float:
    """Return what a Pocock-like plan has spent: alpha log(1 + (e - 1) t), about the same at every look."""
    return float(alpha * np.log1p((np.e - 1.0) * information))


@dataclass(frozen=True, slots=True)
class Look:
    """One planned look: its z and the one it takes, the difference with its repeated interval."""

    number: int
    critical: float
    z: float
    effect: float
    interval: Interval
    crossed: bool


@lru_cache(maxsize=64)
def critical_values(information: tuple[float, ...], alpha: float, spending: Spending) -> tuple[float, ...]:
    """Return the |z| that each look takes (two-sided), for shares of information that grow, up to 1.

    The density of the score process that has not yet crossed is carried from look to look by numerical integration
    (Armitage, McPherson and Rowe 1969), Gauss-Legendre; each bound is where the error newly spent is crossed.
    """
    times = np.asarray(information, dtype=np.float64)
    bounds: list[float] = []
    spent, nodes, density = 0.0, np.zeros(1), np.ones(1)
    for place, now in enumerate(times):
        step = float(np.sqrt(now - (times[place - 1] if place else 0.0)))
        budget = spending(float(now), alpha) - spent
        bounds.append(_bound(nodes, density, step, float(np.sqrt(now)), budget))
        spent += budget
        edge = bounds[-1] * float(np.sqrt(now))
        # Enough nodes for the narrowest kernel that the density will be folded with.
        steps = np.diff(times)
        count = 60 + int(8.0 * edge / float(np.sqrt(steps.min()))) if len(steps) else 60
        inner, weights = np.polynomial.legendre.leggauss(count)
        inner, weights = inner * edge, weights * edge
        kernel = stats.norm.pdf((inner[:, None] - nodes[None, :]) / step) / step
        nodes, density = inner, (kernel @ density) * weights
    return tuple(bounds)


def look_at(
    treatment: Sample, control: Sample, information: float, *, looks: int, alpha: float, spending: Spending
) -> Outcome[Look]:
    """Return what the newest of `looks` evenly planned looks says, at a share `information` of the planned customers.

    A plan counts on one reading a look; whoever reads more often needs `sequential.always_valid`.
    """
    number = min(int(information * looks + 1e-9), looks)
    if number < 1:
        return CannotSay(Reason.BEFORE_FIRST_LOOK)
    squared_error = treatment.squared_error + control.squared_error
    if squared_error <= 0.0:
        return CannotSay(Reason.ZERO_VARIANCE)
    critical = critical_values(tuple(k / looks for k in range(1, number + 1)), alpha, spending)[-1]
    effect, error = treatment.mean - control.mean, float(np.sqrt(squared_error))
    interval = Interval(effect - critical * error, effect + critical * error)
    return Look(number, critical, effect / error, effect, interval, abs(effect / error) >= critical)


def _bound(nodes: Floats, density: Floats, step: float, scale: float, budget: float) -> float:
    def crossing(z: float) -> float:
        edge = z * scale
        beyond = stats.norm.sf((edge - nodes) / step) + stats.norm.sf((edge + nodes) / step)
        return float(beyond @ density) - budget

    if budget <= 0.0 or crossing(_HIGHEST) > 0.0:
        return _HIGHEST
    return float(optimize.brentq(crossing, 0.0, _HIGHEST, xtol=1e-12))
