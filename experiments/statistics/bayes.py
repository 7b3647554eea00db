"""Bayesian comparison of arms: the probability to be best, and the expected loss."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import stats

from experiments.statistics.sample import Sample, count_inconsistency, unusable
from experiments.statistics.value_or_reason import NotComputable, Reason, Result

__all__ = ["ArmProbabilities", "beta_binomial", "normal"]

Floats = npt.NDArray[np.float64]

# Panels between quantiles of each posterior, so that wide and narrow ones are both resolved.
_TAIL: Final = [10.0**-power for power in (16, 14, 12, 10, 8, 6, 5, 4, 3, 2)]
_LEVELS: Final = np.array([*_TAIL, 0.03, 0.07, 0.15, 0.25, 0.37, 0.5])
_TOLERANCE: Final = 1e-3
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(16)


class ArmProbabilities(NamedTuple):
    """Of each arm, in the order given: the chance to be best, and the expected loss of choosing it (metric's unit)."""

    probability_best: list[float]
    expected_loss: list[float]


def beta_binomial(arms: Sequence[tuple[int, int]]) -> Result[ArmProbabilities]:
    """Return the probabilities of rates from (successes, n) of each arm, with uniform priors: Beta(1 + s, 1 + n - s).

    >>> found = beta_binomial([(90, 1000), (120, 1000)])
    >>> [round(p, 3) for p in found.probability_best]
    [0.014, 0.986]
    """
    if len(arms) < 2:
        return NotComputable(Reason.ONE_ARM)
    if problem := count_inconsistency(arms):
        return NotComputable(problem)
    if not all(n for _, n in arms):
        return NotComputable(Reason.ARM_EMPTY)
    return _probabilities([stats.beta(1 + successes, 1 + n - successes) for successes, n in arms])


def normal(arms: Sequence[Sample]) -> Result[ArmProbabilities]:
    """Return the probabilities of means, with flat priors: each posterior is normal around the mean."""
    if len(arms) < 2:
        return NotComputable(Reason.ONE_ARM)
    if problem := unusable(*arms):
        return NotComputable(problem)
    if any(arm.squared_error <= 0.0 for arm in arms):
        return NotComputable(Reason.ZERO_VARIANCE)
    return _probabilities([stats.norm(arm.mean, np.sqrt(arm.squared_error)) for arm in arms])


def _probabilities(posteriors: Sequence[Any]) -> Result[ArmProbabilities]:
    """Integrate: P(i is best) = ∫ f_i Π F_j, and the expected loss of i = Σ_k ∫ (x - m_i) f_k Π_{j≠k} F_j."""
    with np.errstate(all="ignore"):  # what overflows is found below
        points, weights = _grid(posteriors)
        below = np.array([posterior.cdf(points) for posterior in posteriors])
        density = np.array([np.exp(posterior.logpdf(points)) for posterior in posteriors])
        others = [np.prod(np.delete(below, arm, axis=0), axis=0) for arm in range(len(posteriors))]
        best = weights * density * np.array(others)
        total = best.sum()
        losses = [((points - posterior.mean()) * best.sum(axis=0)).sum() / total for posterior in posteriors]
    if not (np.isfinite([total, *losses]).all() and abs(total - 1.0) < _TOLERANCE):
        return NotComputable(Reason.OUT_OF_RANGE)
    return ArmProbabilities((best.sum(axis=1) / total).tolist(), np.maximum(losses, 0.0).tolist())


def _grid(posteriors: Sequence[Any]) -> tuple[Floats, Floats]:
    """Return nodes and weights that cover all posteriors but 1e-16 at each end."""
    edges = [np.concatenate([posterior.ppf(_LEVELS), posterior.isf(_LEVELS)]) for posterior in posteriors]
    cuts = np.unique(np.concatenate(edges))
    half = np.diff(cuts) / 2.0
    points = (cuts[:-1] + half)[:, None] + half[:, None] * _NODES[None, :]
    return points.ravel(), (half[:, None] * _WEIGHTS[None, :]).ravel()
