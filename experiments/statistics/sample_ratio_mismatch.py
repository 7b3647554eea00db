"""Sample-ratio mismatch: did as many customers arrive in each arm as assignment should have sent?"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from scipy import special, stats

from experiments.statistics.sample import LARGEST
from experiments.statistics.value_or_reason import NotComputable, Reason, Result

__all__ = ["CONCENTRATION", "MISMATCH_P_VALUE", "sample_ratio", "sequential_sample_ratio"]

MISMATCH_P_VALUE: Final = 0.001
"""With a p-value below this the arms cannot be compared (Fabijan et al. 2019)."""

CONCENTRATION: Final = 1_000.0
"""How closely the splits that there might be lie around the assigned one; two even arms: 0.5 ± 0.016."""


def sample_ratio(exposed: Sequence[int], weights: Sequence[float]) -> Result[float]:
    """Return the chi-squared p-value of the customers of each arm against the weights of assignment.

    >>> round(sample_ratio([821_588, 815_482], [1, 1]), 9)  # Kohavi, Tang and Xu (2020), chapter 3
    1.822e-06
    """
    if problem := _inconsistency(exposed):
        return NotComputable(problem)
    total = sum(exposed)
    expected = [total * (weight / sum(weights)) for weight in weights]
    if min(expected) < 5.0:
        return NotComputable(Reason.SMALL_EXPECTED_COUNTS)
    return float(stats.chisquare(exposed, expected).pvalue)


def sequential_sample_ratio(exposed: Sequence[int], weights: Sequence[float]) -> Result[float]:
    """Return an always-valid p-value of the same question: right however often somebody looks.

    One over the likelihood ratio of a Dirichlet mixture of splits around the assigned one (Lindon and Malek 2022).

    >>> 1e-4 < sequential_sample_ratio([821_588, 815_482], [1, 1]) < 1e-3
    True
    """
    if problem := _inconsistency(exposed):
        return NotComputable(problem)
    counts, shares = np.array(exposed, dtype=np.float64), np.array(weights) / sum(weights)
    prior = CONCENTRATION * shares
    mixture = special.gammaln(prior + counts).sum() - special.gammaln(prior).sum()
    mixture += special.gammaln(CONCENTRATION) - special.gammaln(CONCENTRATION + counts.sum())
    return float(np.exp(-max(float(mixture - special.xlogy(counts, shares).sum()), 0.0)))


def _inconsistency(exposed: Sequence[int]) -> Reason | None:
    if len(exposed) < 2:
        return Reason.ONE_ARM
    if any(count < 0 for count in exposed):
        return Reason.INCONSISTENT_SUMS
    if max(exposed) > LARGEST:
        return Reason.OUT_OF_RANGE
    return None if sum(exposed) else Reason.NO_EXPOSURES
