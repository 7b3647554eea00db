"""Group-sequential tests: planned looks that share alpha by a spending function (Lan and DeMets 1983)."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import optimize, special, stats

from experiments.statistics.sample import Sample, unusable
from experiments.statistics.value_or_reason import Interval, NotComputable, Reason, Result

__all__ = [
    "Look",
    "Spending",
    "critical_values",
    "crossing_probability",
    "evaluate_look",
    "inflation",
    "obrien_fleming",
    "pocock",
]

Floats = npt.NDArray[np.float64]
Spending = Callable[[float, float], float]
"""(share of the planned information, alpha) -> error spent so far, two-sided."""

_MAX_BOUND: Final = 8.0
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
    bounds: list[float] = []
    spent, process = 0.0, _ScoreProcess.begin()
    for now, step, next_step in _steps(information):
        budget = spending(now, alpha) - spent
        bounds.append(_bound(process, step, math.sqrt(now), budget))
        spent += budget
        process = process.onward(step, bounds[-1] * math.sqrt(now), next_step)
    return tuple(bounds)


def crossing_probability(information: Sequence[float], bounds: Sequence[float], drift: float) -> float:
    """Return the chance that |z| reaches its bound at any look, where z at full information has the mean `drift`.

    >>> round(crossing_probability([1.0], [1.96], drift=2.8016), 3)
    0.8
    """
    process = _ScoreProcess.begin()
    crossed = 0.0
    for (now, step, next_step), bound in zip(_steps(information), bounds, strict=True):
        edge = bound * math.sqrt(now)
        crossed += process.beyond(edge, step, drift)
        process = process.onward(step, edge, next_step, drift)
    return crossed


@lru_cache(maxsize=64)
def inflation(looks: int, alpha: float, power: float, spending: Spending) -> float:
    """Return how many times the customers of a fixed test the last of evenly planned looks needs for the same power.

    >>> round(inflation(5, 0.05, 0.8, pocock), 2)
    1.21
    """
    information = tuple(k / looks for k in range(1, looks + 1))
    bounds = critical_values(information, alpha, spending)
    fixed = float(stats.norm.isf(alpha / 2.0) + stats.norm.ppf(power))
    drift = optimize.brentq(
        lambda each: crossing_probability(information, bounds, each) - power, 0.5 * fixed, 3.0 * fixed, xtol=1e-9
    )
    return float((drift / fixed) ** 2)


def evaluate_look(
    treatment: Sample, control: Sample, information: float, *, looks: int, alpha: float, spending: Spending
) -> Result[Look]:
    """Return what the newest of `looks` evenly planned looks says, at a share `information` of the planned customers.

    A plan counts on one reading a look; whoever reads more often needs `sequential.always_valid`.
    """
    number = min(int(information * looks + 1e-9), looks)
    if number < 1:
        return NotComputable(Reason.BEFORE_FIRST_LOOK)
    if problem := unusable(treatment, control):
        return NotComputable(problem)
    squared_error = treatment.squared_error + control.squared_error
    if squared_error <= 0.0:
        return NotComputable(Reason.ZERO_VARIANCE)
    critical = critical_values(tuple(k / looks for k in range(1, number + 1)), alpha, spending)[-1]
    effect, error = treatment.mean - control.mean, float(np.sqrt(squared_error))
    interval = Interval(effect - critical * error, effect + critical * error)
    return Look(number, critical, effect / error, effect, interval, abs(effect / error) >= critical)


@dataclass(frozen=True, slots=True)
class _ScoreProcess:
    """The score process after a look, where it has not crossed yet: weighted density at nodes."""

    nodes: Floats
    density: Floats

    @classmethod
    def begin(cls) -> "_ScoreProcess":
        return cls(np.zeros(1), np.ones(1))

    def beyond(self, edge: float, step: float, drift: float = 0.0) -> float:
        """Return the chance to be at or beyond either edge after a step (`step` is its standard deviation)."""
        means = self.nodes + drift * step * step
        outside = special.ndtr((means - edge) / step) + special.ndtr((-edge - means) / step)
        return float(outside @ self.density)

    def onward(self, step: float, edge: float, next_step: float, drift: float = 0.0) -> "_ScoreProcess":
        """Return the process after a step within the edges, with nodes enough for this step's kernel and the next's."""
        inner, weights = _legendre(math.ceil((60.0 + 8.0 * edge / min(step, next_step)) / 32.0) * 32)
        inner, weights = inner * edge, weights * edge
        distance = (inner[:, None] - self.nodes[None, :] - drift * step * step) / step
        kernel = np.exp(-0.5 * distance * distance) / (step * math.sqrt(2.0 * math.pi))
        return _ScoreProcess(inner, (kernel @ self.density) * weights)


@lru_cache(maxsize=512)
def _legendre(count: int) -> tuple[Floats, Floats]:
    """Return nodes and weights on [-1, 1]; counts are rounded up, so that few different ones have to be solved for."""
    nodes, weights = np.polynomial.legendre.leggauss(count)
    return nodes, weights


def _steps(information: Sequence[float]) -> Iterator[tuple[float, float, float]]:
    """Yield each look's information with the standard deviations of the step to it and of the step after it."""
    steps = np.sqrt(np.diff([0.0, *information])).tolist()
    return zip(information, steps, [*steps[1:], steps[-1]], strict=True)


def _bound(process: _ScoreProcess, step: float, scale: float, budget: float) -> float:
    def crossing(z: float) -> float:
        return process.beyond(z * scale, step) - budget

    if budget <= 0.0 or crossing(_MAX_BOUND) > 0.0:
        return _MAX_BOUND
    return float(optimize.brentq(crossing, 0.0, _MAX_BOUND, xtol=1e-12))
