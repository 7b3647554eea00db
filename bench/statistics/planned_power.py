"""Simulated experiments of the size that was computed for them: do they find what they were planned for?"""

from typing import Final

import numpy as np
from scipy import stats

from events.arrays import Floats
from experiments import NotComputable
from experiments.planning.sample_size import sample_sizes
from experiments.statistics.sample import Sample

__all__ = ["power_for_money"]

ALPHA: Final = 0.05
_RATE: Final = 0.1
_SIGMA: Final = 0.6
_LIFT: Final = 0.15


def power_for_money(seed: int, runs: int) -> tuple[float, int, float]:
    """Return the mean revenue of a customer, the customers planned for a lift of 15%, and how often it was found.

    Most spend nothing, the others log-normally; the lift is the same amount for everybody, so that both arms have the
    spread that the plan counts on. Welch's statistic against the normal quantile.
    """
    chance = np.random.default_rng(seed)
    mean = _RATE * float(np.exp(3.0 + _SIGMA**2 / 2.0))
    variance = _RATE * float(np.exp(6.0 + 2.0 * _SIGMA**2)) - mean**2
    plan = sample_sizes(Sample(1, mean, variance), _LIFT, [0.5, 0.5], is_rate=False, alpha=ALPHA).fixed
    if isinstance(plan, NotComputable):
        raise RuntimeError(f"the plan cannot be made: {plan}")  # noqa: TRY004
    found = [_z(_spent(chance, plan // 2), _spent(chance, plan // 2), _LIFT * mean) for _ in range(runs)]
    return mean, plan, float(np.mean(np.abs(found) > stats.norm.isf(ALPHA / 2.0)))


def _spent(chance: np.random.Generator, customers: int) -> Floats:
    spent = np.zeros(customers)
    buyer_rows = chance.binomial(customers, _RATE)
    spent[:buyer_rows] = np.exp(3.0 + _SIGMA * chance.normal(size=buyer_rows))
    return spent


def _z(ours: Floats, theirs: Floats, shift: float) -> float:
    squared_error = ours.var(ddof=1) / len(ours) + theirs.var(ddof=1) / len(theirs)
    return float((ours.mean() + shift - theirs.mean()) / np.sqrt(squared_error))
