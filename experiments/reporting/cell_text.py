"""Numbers of a report as the cells of tables."""

from collections.abc import Mapping
from typing import Final

from experiments import Metric
from experiments.reporting.document import Comparison, Finding, Validity
from experiments.statistics.metric_samples import RATES
from experiments.statistics.value_or_reason import Interval, Reason

__all__ = [
    "HEADINGS",
    "chance",
    "difference",
    "evidence",
    "interval",
    "lift",
    "money",
    "p_is",
    "reason",
    "share",
    "short",
    "title",
]

HEADINGS: Final[Mapping[Validity, tuple[str, str]]] = {
    "always": ("always-valid\ninterval", "p,\ncorrected"),
    "planned_look": ("interval of\nthis look", "look"),
    "once": ("interval,\nvalid once", "p,\ncorrected"),
}
"""What stands over the interval and over what decides, by when they may be read; in two lines, for narrow columns."""

_SHORT: Final[Mapping[Metric, str]] = {
    Metric.CONVERSION_RATE: "conversion",
    Metric.REVENUE_PER_CUSTOMER: "revenue each",
    Metric.AVERAGE_ORDER_VALUE: "order value",
    Metric.RETENTION: "retention",
}


def title(metric: Metric) -> str:
    """Return a metric's name."""
    return metric.replace("_", " ")


def short(metric: Metric) -> str:
    """Return a metric's name for a narrow column."""
    return _SHORT[metric]


def share(value: float | None) -> str:
    """Return a share as a percentage.

    >>> share(0.05432)
    '5.43%'
    """
    return "–" if value is None else f"{value:.2%}"


def money(value: float | None) -> str:
    """Return an amount."""
    return "–" if value is None else f"{value:,.2f}"


def chance(value: float | None) -> str:
    """Return a p-value or another probability.

    >>> chance(0.00001), chance(0.0312)
    ('<0.0001', '0.031')
    """
    if value is None:
        return "–"
    return "<0.0001" if value < 0.0001 else f"{value:.2g}" if value < 0.01 else f"{value:.3f}"


def p_is(value: float | None) -> str:
    """Return a p-value within a sentence.

    >>> p_is(0.00001), p_is(0.0312)
    ('p < 0.0001', 'p = 0.031')
    """
    return chance(value).replace("<", "p < ") if value is not None and value < 0.0001 else f"p = {chance(value)}"


def difference(metric: Metric, value: float | None) -> str:
    """Return a difference: points of a rate, or money.

    >>> difference(Metric.CONVERSION_RATE, 0.0123), difference(Metric.REVENUE_PER_CUSTOMER, -1.5)
    ('+1.23 pt', '-1.50')
    """
    if value is None:
        return "–"
    return f"{value * 100:+.2f} pt" if metric in RATES else f"{value:+,.2f}"


def interval(metric: Metric, ends: Interval | None) -> str:
    """Return an interval of a difference."""
    if ends is None:
        return "–"
    if metric in RATES:
        return f"{ends[0] * 100:+.2f} to {ends[1] * 100:+.2f}"
    return f"{ends[0]:+,.2f} to {ends[1]:+,.2f}"


def lift(found: Finding) -> str:
    """Return a relative lift."""
    return "–" if found.effect is None else f"{found.effect:+.1%}"


def reason(why: Reason | None) -> str:
    """Return in words why there is no number."""
    return "" if why is None else why.sentence


def evidence(row: Comparison) -> tuple[str, str, str]:
    """Return the difference, the interval and the corrected p-value, or the planned look, that decide."""
    found = row.decides
    if found.validity == "planned_look" and row.too_early is None and row.group_sequential is not None:
        look = row.group_sequential
        if look.ci is None:
            return difference(row.metric, row.deciding.effect), "–", reason(look.cannot_say)
        said = f"{look.number} of {look.looks}: {'crossed' if look.crossed else 'not crossed'}"
        return difference(row.metric, found.effect), interval(row.metric, found.ci), said
    return difference(row.metric, found.effect), interval(row.metric, found.ci), chance(found.p_adjusted)
