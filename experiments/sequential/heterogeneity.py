"""Heterogeneity of the effect: between segments, and of one segment against all others."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats
from statsmodels.stats.meta_analysis import combine_effects

from experiments.sequential.always_valid import mixture_p_value, mixture_precision
from experiments.statistics.sample import Sample, unusable
from experiments.statistics.unequal_allocation import effective_customers
from experiments.statistics.value_or_reason import NotComputable, Reason, Result

__all__ = ["Contrast", "Heterogeneity", "Pair", "against_the_rest", "cochran_q"]

Pair = tuple[Sample, Sample]
"""Treatment and control."""


class Heterogeneity(NamedTuple):
    """Cochran's Q over segments, its degrees of freedom, and the p-value of "the effect is the same in all"."""

    q: float
    degrees: int
    p_value: float


class Contrast(NamedTuple):
    """A segment's effect less that of all other customers, and p-values of "there is no difference".

    `p_value` holds if it is read once, `sequential_p_value` at every look.
    """

    difference: float
    p_value: float
    sequential_p_value: float


def cochran_q(segments: Sequence[Pair]) -> Result[Heterogeneity]:
    """Return Cochran's (1954) Q of the segments' effects, weighted by precision; chi-squared, normal approximation.

    Segments without any spread are left out.
    """
    if problem := unusable(*(sample for pair in segments for sample in pair)):
        return NotComputable(problem)
    effects = [(ours.mean - theirs.mean, ours.squared_error + theirs.squared_error) for ours, theirs in segments]
    usable = [(effect, squared_error) for effect, squared_error in effects if squared_error > 0.0]
    if len(usable) < 2:
        return NotComputable(Reason.ONE_SEGMENT if len(effects) < 2 else Reason.ZERO_VARIANCE)
    columns = np.array(usable).T
    with np.errstate(all="ignore"):
        combined = combine_effects(columns[0], columns[1], method_re="chi2")
    q, degrees = float(combined.q), len(usable) - 1
    return (
        Heterogeneity(q, degrees, float(stats.chi2.sf(q, degrees)))
        if math.isfinite(q)
        else NotComputable(Reason.OUT_OF_RANGE)
    )


def against_the_rest(
    segment: Pair, rest: Pair, alpha: float = 0.05, expected_customers: float = 5_000
) -> Result[Contrast]:
    """Return the Wald test of a segment's effect against the effect in all other customers, and its always-valid form.

    The latter is the mixture of `sequential.always_valid` on the difference of the two effects.
    """
    if problem := unusable(*segment, *rest):
        return NotComputable(problem)
    squared_error = sum(sample.squared_error for sample in (*segment, *rest))
    if squared_error <= 0.0:
        return NotComputable(Reason.ZERO_VARIANCE)
    difference = (segment[0].mean - segment[1].mean) - (rest[0].mean - rest[1].mean)
    customers = effective_customers([sample.n for sample in (*segment, *rest)])
    precision = mixture_precision(expected_customers, alpha)
    return Contrast(
        difference,
        float(2.0 * stats.norm.sf(abs(difference) / math.sqrt(squared_error))),
        float(mixture_p_value(difference, squared_error, customers, precision)),
    )
