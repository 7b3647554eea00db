"""The metrics of an arm as samples."""

from typing import Final

from experiments.definition import Metric
from experiments.statistics.cuped import CupedSamples, adjusted_revenue
from experiments.statistics.order_value_ratio import average_order_value
from experiments.statistics.proportions import expected_counts_allow_z
from experiments.statistics.sample import Sample, conversion, retention, revenue
from experiments.statistics.unequal_allocation import pooled_if_uneven
from experiments.statistics.value_or_reason import NotComputable, Reason, Result, both
from experiments.tally import Tally

__all__ = ["RATES", "cuped_samples", "measure", "normal_samples", "samples", "successes"]

RATES: Final = frozenset({Metric.CONVERSION_RATE, Metric.RETENTION})
"""Metrics that are shares of customers."""

_MEASURES: Final = {
    Metric.CONVERSION_RATE: conversion,
    Metric.RETENTION: retention,
    Metric.REVENUE_PER_CUSTOMER: revenue,
    Metric.AVERAGE_ORDER_VALUE: average_order_value,
}
_MIN_ORDERS: Final = 5


def measure(metric: Metric, tally: Tally) -> Result[Sample]:
    """Return the metric of one arm."""
    return _MEASURES[metric](tally)


def successes(metric: Metric, tally: Tally) -> int:
    """Return the count that a rate is made of."""
    return tally.converted if metric is Metric.CONVERSION_RATE else tally.retained


def rates(metric: Metric, treatment: Tally, control: Tally) -> Result[tuple[Sample, Sample]]:
    """Return both arms of a rate."""
    if not treatment.exposed and not control.exposed:
        return NotComputable(Reason.NO_EXPOSURES)
    return both(measure(metric, treatment), measure(metric, control))


def money(metric: Metric, treatment: Tally, control: Tally) -> Result[tuple[Sample, Sample]]:
    """Return both arms of a metric of money.

    Refused below 5 orders an arm: averages of a few orders among many zeros are far from normal.
    """
    if not treatment.exposed and not control.exposed:
        return NotComputable(Reason.NO_EXPOSURES)
    pair = both(measure(metric, treatment), measure(metric, control))
    if not isinstance(pair, NotComputable) and min(treatment.orders, control.orders) < _MIN_ORDERS:
        return NotComputable(Reason.TOO_FEW_ORDERS)
    return pair


def samples(metric: Metric, treatment: Tally, control: Tally) -> Result[tuple[Sample, Sample]]:
    """Return both arms of any metric, as they are compared: with a pooled variance where they are uneven."""
    return _comparable((rates if metric in RATES else money)(metric, treatment, control))


def normal_samples(metric: Metric, treatment: Tally, control: Tally) -> Result[tuple[Sample, Sample]]:
    """Return both arms where their difference is about normal: rates by Cochran's rule, money as `samples` has it.

    For statistics that have no exact form for small counts.
    """
    pair = samples(metric, treatment, control)
    if metric not in RATES or isinstance(pair, NotComputable):
        return pair
    counts = successes(metric, treatment), treatment.exposed, successes(metric, control), control.exposed
    return pair if expected_counts_allow_z(*counts) else NotComputable(Reason.SMALL_EXPECTED_COUNTS)


def cuped_samples(treatment: Tally, control: Tally) -> Result[CupedSamples]:
    """Return revenue per customer after CUPED, under the same condition as `money`."""
    plain = money(Metric.REVENUE_PER_CUSTOMER, treatment, control)
    adjusted = plain if isinstance(plain, NotComputable) else adjusted_revenue(treatment, control)
    if isinstance(adjusted, NotComputable):
        return adjusted
    ours, theirs = pooled_if_uneven([adjusted.treatment, adjusted.control])
    return adjusted._replace(treatment=ours, control=theirs)


def _comparable(pair: Result[tuple[Sample, Sample]]) -> Result[tuple[Sample, Sample]]:
    if isinstance(pair, NotComputable):
        return pair
    ours, theirs = pooled_if_uneven(pair)
    return ours, theirs
