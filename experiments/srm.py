"""Sample-ratio mismatch: did as many customers arrive in each arm as assignment should have sent?"""

from collections.abc import Sequence
from typing import Final

from scipy import stats

from .outcome import CannotSay, Outcome, Reason
from .sample import LARGEST

__all__ = ["SUSPICIOUS", "sample_ratio"]

SUSPICIOUS: Final = 0.001
"""A p-value below this says that arms cannot be compared (Fabijan et al. 2019)."""


def sample_ratio(exposed: Sequence[int], weights: Sequence[float]) -> Outcome[float]:
    """Return the chi-squared p-value of the customers of each arm against the weights of assignment.

    >>> round(sample_ratio([821_588, 815_482], [1, 1]), 9)  # Kohavi, Tang and Xu (2020), chapter 3
    1.822e-06
    """
    if len(exposed) < 2:
        return CannotSay(Reason.ONE_ARM)
    if any(count < 0 for count in exposed):
        return CannotSay(Reason.INCONSISTENT_SUMS)
    if max(exposed) > LARGEST:
        return CannotSay(Reason.OUT_OF_RANGE)
    total = sum(exposed)
    if not total:
        return CannotSay(Reason.NO_EXPOSURES)
    expected = [total * (weight / sum(weights)) for weight in weights]
    if min(expected) < 5.0:
        return CannotSay(Reason.SMALL_EXPECTED_COUNTS)
    return float(stats.chisquare(exposed, expected).pvalue)
