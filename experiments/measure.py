"""Each declared metric of an arm as a sample."""

from .cuped import Adjusted, adjusted_revenue
from .definition import Metric
from .outcome import CannotSay, Outcome, Reason
from .ratio import average_order_value
from .sample import Sample, conversion, retention, revenue
from .tally import Tally

__all__ = ["adjusted_pair", "measure", "money", "successes"]

_MEASURES = {
    Metric.CONVERSION_RATE: conversion,
    Metric.RETENTION: retention,
    Metric.REVENUE_PER_CUSTOMER: revenue,
    Metric.AVERAGE_ORDER_VALUE: average_order_value,
}
_FEWEST_ORDERS = 5


def measure(metric: Metric, tally: Tally) -> Outcome[Sample]:
    """Return the metric of one arm."""
    return _MEASURES[metric](tally)


def successes(metric: Metric, tally: Tally) -> int:
    """Return the count that a rate is made of."""
    return tally.converted if metric is Metric.CONVERSION_RATE else tally.retained


def money(metric: Metric, treatment: Tally, control: Tally) -> Outcome[tuple[Sample, Sample]]:
    """Return both arms of a metric of money.

    Refused below 5 orders an arm: averages of a few orders among many zeros are far from normal.
    """
    ours, theirs = measure(metric, treatment), measure(metric, control)
    if isinstance(ours, CannotSay):
        return ours
    if isinstance(theirs, CannotSay):
        return theirs
    if min(treatment.orders, control.orders) < _FEWEST_ORDERS:
        return CannotSay(Reason.TOO_FEW_ORDERS)
    return ours, theirs


def adjusted_pair(treatment: Tally, control: Tally) -> Outcome[Adjusted]:
    """Return revenue per customer after CUPED, under the same condition as `money`."""
    plain = money(Metric.REVENUE_PER_CUSTOMER, treatment, control)
    return plain if isinstance(plain, CannotSay) else adjusted_revenue(treatment, control)
