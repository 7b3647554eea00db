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
_STRONGEST: Final = 1e60


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

    The product of both arms' evidence is a martingale under the two true rates (as in Turner, Ly and Grünwald 2024), so
    the pairs of rates against which it is below 1 / alpha are a confidence sequence. The interval holds their
    differences; the p-value is one over the evidence against the common rate that suits the data best. So p is below
    alpha exactly where the interval leaves out zero.

    >>> found = two_rate_sequences(0, 5, 5, 5)
    >>> [round(end, 3) for end in found.interval], round(found.p_value, 3)
    ([-1.0, -0.036], 0.035)
    """
    if n == 0 and control_n == 0:
        return NotComputable(Reason.NO_EXPOSURES)
    if n == 0 or control_n == 0:
        return NotComputable(Reason.ARM_EMPTY)
    if problem := count_inconsistency([(successes, n), (control_successes, control_n)]):
        return NotComputable(problem)
    common = (successes + control_successes) / (n + control_n)
    evidence = float(log_evidence(successes, n, common) + log_evidence(control_successes, control_n, common))
    effect = successes / n - control_successes / control_n
    ours, theirs = (successes, n), (control_successes, control_n)
    interval = Interval(-_largest_difference(theirs, ours, alpha), _largest_difference(ours, theirs, alpha))
    return Estimate(effect, interval, math.exp(-max(evidence, 0.0)), "beta_binomial")


def _largest_difference(upper: tuple[int, int], lower: tuple[int, int], alpha: float) -> float:
    """Return the largest difference of two rates, from (successes, n), against which the evidence is below 1 / alpha.

    At the largest difference the log likelihoods of both arms change at the same rate, `pull`: the one by its rate
    growing, the other by its rate falling. Evidence grows with the pull, so its edge is found in one dimension.
    """
    (successes, n), (few, m) = upper, lower
    observed = successes / n - few / m

    def at(pull: float) -> tuple[float, float]:
        (high, rest), (low, most) = _pulled(successes, n, pull), _pulled(few, m, -pull)
        evidence = _evidence_of(successes, n, high, rest) + _evidence_of(few, m, low, most)
        return high - low, evidence + math.log(alpha)

    strongest = float(n + m)
    while at(strongest)[1] < 0.0:
        if strongest > _STRONGEST:  # no pull is enough: a difference of 1 is possible
            return 1.0
        strongest *= 64.0
    if at(_SMALLEST)[1] >= 0.0:
        return observed
    pull = math.exp(
        optimize.brentq(lambda log: at(math.exp(log))[1], math.log(_SMALLEST), math.log(strongest), xtol=1e-15)
    )
    return float(min(max(at(pull)[0], observed), 1.0))


def _pulled(successes: int, n: int, pull: float) -> tuple[float, float]:
    """Return the rate where `successes / p - failures / (1 - p) = -pull`, and one less it; each keeps its precision."""
    return _root(successes, n, pull), _root(n - successes, n, -pull)


def _root(successes: int, n: int, pull: float) -> float:
    """Return the positive root p of pull · p² + (n - pull) p - successes = 0."""
    linear = n - pull
    root = math.sqrt(max(linear * linear + 4.0 * pull * successes, 0.0))
    return 2.0 * successes / (linear + root) if linear > 0.0 else (root - linear) / (2.0 * pull)


def _evidence_of(successes: int, n: int, rate: float, rest: float) -> float:
    """Return `log_evidence` against a rate that is given together with one less it."""
    failures = n - successes
    likelihood = special.xlogy(successes, rate) + special.xlogy(failures, rest)
    return float(special.betaln(successes + 1.0, failures + 1.0) - likelihood)


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
