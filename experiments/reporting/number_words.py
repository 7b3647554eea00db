"""Numbers and metrics in the words of a verdict."""

from typing import Final

from experiments.definition import Metric
from experiments.planning.remaining_time import Remaining
from experiments.statistics.metric_samples import RATES

__all__ = ["days", "difference", "forecast", "metric_name", "percent", "signed"]

_NAMES: Final = {
    Metric.CONVERSION_RATE: "the conversion rate",
    Metric.REVENUE_PER_CUSTOMER: "revenue per customer",
    Metric.AVERAGE_ORDER_VALUE: "the average order value",
    Metric.RETENTION: "retention",
}


def metric_name(metric: Metric) -> str:
    """Return the metric as it stands in a sentence."""
    return _NAMES[metric]


def difference(metric: Metric, effect: float) -> str:
    """Return a difference in words.

    >>> difference(Metric.CONVERSION_RATE, -0.0125)
    '1.25 points lower'
    >>> difference(Metric.AVERAGE_ORDER_VALUE, 3.2)
    '3.20 higher'
    """
    size = f"{abs(effect) * 100:.3g} points" if metric in RATES else f"{abs(effect):,.2f}"
    return f"{size} {'higher' if effect >= 0.0 else 'lower'}"


def signed(metric: Metric, effect: float) -> str:
    """Return one end of an interval.

    >>> signed(Metric.CONVERSION_RATE, 0.004)
    '+0.4 points'
    """
    return f"{effect * 100:+.3g} points" if metric in RATES else f"{effect:+,.2f}"


def days(count: int) -> str:
    """Return a number of days in words.

    >>> days(1)
    '1 more day'
    """
    return f"{count:,} more day{'' if count == 1 else 's'}"


def forecast(left: Remaining) -> str:
    """Return what is still missing, in words.

    >>> forecast(Remaining(12, 4_000)), forecast(Remaining(None, 900_000))
    ('about 12 more days', '900,000 more customers, which at the present pace takes more than a year')
    """
    if left.days is not None:
        return f"about {days(left.days)}"
    return f"{left.customers or 0:,} more customers, which at the present pace takes more than a year"


def percent(share: float) -> str:
    """Return a share as a percentage.

    >>> percent(0.05)
    '5%'
    """
    return f"{share * 100:.3g}%"
