"""Always-valid intervals and p-values of conversion rates, exact at any count, also where few have converted."""

import math
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy import optimize, special

from experiments.statistics.sample import count_inconsistency
from experiments.statistics.value_or_reason import Estimate, Interval, NotComputable, Reason, Result

__all__ = ["log_evidence", "rate_sequence", "two_rate_sequences"]

Numbers = float | npt.NDArray[Any]

_SMALLEST: Final = 1e-300


def rate_sequence(successes: int, n: int, alpha: float = 0.05) -> Result[Interval]:
    """Return the rates that a uniform mixture does not reject: a confidence sequence for one rate, not asymptotic.

    {p: B(s + 1, n - s + 1) / (p^s (1 - p)^(n - s)) < 1 / alpha}, the beta-binomial mixture (Robbins 1970; Howard,
    Ramdas, McAuliffe and Sekhon 2021, proposition 7, with a uniform mixture over the rates).

    >>> low, high = rate_sequence(5, 100)
    >>> low < 0.05 < high
    True
    """
    if problem := count_inconsistency([(successes, n)]):
        return NotComputable(problem)
    # Both ends as the lower one of the shares of successes and of failures, so that both keep their precision.
    return Interval(_lower_end(successes, n, alpha), 1.0 - _lower_end(n - successes, n, alpha))


def two_rate_sequences(
    successes: int, n: int, control_successes: int, control_n: int, alpha: float = 0.05
) -> Result[Estimate]:
    """Return the difference of two rates, always valid at any count.

    The interval joins the two arms' sequences at alpha / 2 each, so it is wide. The p-value is one over the product of
    both arms' evidence against the common rate that suits the data best (a product of martingales under that common
    rate, as in Turner, Ly and Grünwald 2024), so it may reject where the interval still holds zero.
    """
    if n == 0 and control_n == 0:
        return NotComputable(Reason.NO_EXPOSURES)
    if n == 0 or control_n == 0:
        return NotComputable(Reason.ARM_EMPTY)
    ours = rate_sequence(successes, n, alpha / 2.0)
    theirs = rate_sequence(control_successes, control_n, alpha / 2.0)
    if isinstance(ours, NotComputable):
        return ours
    if isinstance(theirs, NotComputable):
        return theirs
    common = (successes + control_successes) / (n + control_n)
    evidence = float(log_evidence(successes, n, common) + log_evidence(control_successes, control_n, common))
    effect = successes / n - control_successes / control_n
    interval = Interval(ours.low - theirs.high, ours.high - theirs.low)
    return Estimate(effect, interval, math.exp(-max(evidence, 0.0)), "beta_binomial")


def _lower_end(successes: int, n: int, alpha: float) -> float:
    if successes == 0:
        return 0.0

    def excess(rate: float) -> float:
        return float(log_evidence(successes, n, rate)) + math.log(alpha)

    # Evidence falls from infinity at 0 to less than 1 at the observed rate.
    return float(optimize.brentq(excess, _SMALLEST, successes / n, xtol=1e-15))


def log_evidence(successes: Numbers, n: Numbers, rate: Numbers) -> Numbers:
    """Return the log of the uniform mixture's likelihood over that of one rate; arrays or numbers."""
    failures = n - successes
    likelihood = special.xlogy(successes, rate) + special.xlog1py(failures, -rate)
    return np.asarray(special.betaln(successes + 1.0, failures + 1.0) - likelihood)
