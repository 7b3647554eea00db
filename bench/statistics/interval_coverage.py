"""Simulated experiments that are read once: do intervals hold the truth as often as they say, and does CUPED help?"""

from collections import Counter
from typing import Final, NamedTuple

import numpy as np
from scipy import stats

from experiments import Metric, NotComputable, Tally
from experiments.statistics.cuped import adjusted_revenue
from experiments.statistics.lift import fieller_lift
from experiments.statistics.means import welch
from experiments.statistics.metric_samples import measure
from experiments.statistics.proportions import fisher, two_proportions, wilson
from experiments.statistics.sample import Sample
from experiments.statistics.value_or_reason import Interval, Result

__all__ = ["TRUTH", "Coverage", "arm", "coverage", "cuped_variance_ratio", "small_count_coverage"]

ALPHA: Final = 0.05
_RATE: Final = 0.1
_RATE_LIFT: Final = 0.1
_VALUE: Final = float(np.exp(3.0 + 0.5 * 0.6**2))
_VALUE_LIFT: Final = 0.1
_ORDERS: Final = 1.3
_SPENT: Final = (_RATE * (1.0 + _RATE_LIFT) * _ORDERS * _VALUE * (1.0 + _VALUE_LIFT), _RATE * _ORDERS * _VALUE)
TRUTH: Final = {
    "conversion rate": _RATE * _RATE_LIFT,
    "revenue per customer": _SPENT[0] - _SPENT[1],
    "revenue per customer after CUPED": _SPENT[0] - _SPENT[1],
    "average order value": _VALUE * _VALUE_LIFT,
}
"""The true effects in the simulated shop."""


class Coverage(NamedTuple):
    """Shares of runs whose interval holds the truth, by the interval's name."""

    held: dict[str, float]
    runs: int


def coverage(seed: int, runs: int, *, customers: int = 2_000) -> Coverage:
    """Return coverage for arms of that many customers; the treatment converts 10% more and spends 10% more."""
    chance, held = np.random.default_rng(seed), Counter[str]()
    for _ in range(runs):
        treatment = arm(chance, customers, treated=True)
        control = arm(chance, customers, treated=False)
        for name, (interval, truth) in _intervals(treatment, control).items():
            held[name] += not isinstance(interval, NotComputable) and interval.low <= truth <= interval.high
    return Coverage({name: count / runs for name, count in held.items()}, runs)


def small_count_coverage(customers: int = 60, rates: tuple[float, float] = (0.08, 0.03)) -> float:
    """Return the exact coverage of the interval beside Fisher's test: the chance of each table whose interval holds."""
    counts = np.arange(customers + 1)
    chances = [stats.binom.pmf(counts, customers, rate) for rate in rates]
    held = 0.0
    for ours, theirs in np.argwhere(np.outer(*chances) > 1e-12).tolist():
        found = fisher(ours, customers, theirs, customers, ALPHA)
        # Nobody converted: there is no interval, which is not one that leaves the truth out.
        inside = isinstance(found, NotComputable) or found.interval.low <= rates[0] - rates[1] <= found.interval.high
        held += float(chances[0][ours] * chances[1][theirs]) * inside
    return held


def cuped_variance_ratio(seed: int, runs: int, *, customers: int = 500, correlation: float = 0.7) -> float:
    """Return how the variance of the estimated difference over runs shrinks by CUPED; 1 - rho² is right."""
    chance = np.random.default_rng(seed)
    plain, adjusted = [], []
    for _ in range(runs):
        arms = [_correlated(chance, customers, correlation) for _ in range(2)]
        found = adjusted_revenue(arms[0], arms[1])
        samples = [measure(Metric.REVENUE_PER_CUSTOMER, arm) for arm in arms]
        if isinstance(found, NotComputable) or not all(isinstance(each, Sample) for each in samples):
            raise RuntimeError(f"a simulated experiment has no answer: {found}, {samples}; change its size")
        adjusted.append(found.treatment.mean - found.control.mean)
        plain.append(arms[0].revenue / arms[0].exposed - arms[1].revenue / arms[1].exposed)
    return float(np.var(adjusted) / np.var(np.array(plain) / 1000.0))


def _intervals(treatment: Tally, control: Tally) -> dict[str, tuple[Result[Interval], float]]:
    metrics = (Metric.REVENUE_PER_CUSTOMER, Metric.AVERAGE_ORDER_VALUE)
    revenue, order = ([_sure(measure(metric, arm)) for arm in (treatment, control)] for metric in metrics)
    counts = (treatment.converted, treatment.exposed, control.converted, control.exposed)
    rates = [_sure(measure(Metric.CONVERSION_RATE, arm)) for arm in (treatment, control)]
    lift, more = _SPENT[0] / _SPENT[1] - 1.0, TRUTH["revenue per customer"]
    cuped = adjusted_revenue(treatment, control)
    after = cuped if isinstance(cuped, NotComputable) else _interval(welch(cuped.treatment, cuped.control, ALPHA))
    return {
        "rate (Wilson)": (wilson(control.converted, control.exposed, ALPHA), _RATE),
        "difference of rates (Newcombe)": (_interval(two_proportions(*counts, ALPHA)), _RATE * _RATE_LIFT),
        "revenue per customer (Welch)": (_interval(welch(revenue[0], revenue[1], ALPHA)), more),
        "revenue per customer after CUPED": (after, more),
        "average order value (delta method)": (_interval(welch(order[0], order[1], ALPHA)), _VALUE * _VALUE_LIFT),
        "relative lift of a rate (Fieller)": (_interval(fieller_lift(rates[0], rates[1], ALPHA)), _RATE_LIFT),
        "relative lift of revenue (Fieller)": (_interval(fieller_lift(revenue[0], revenue[1], ALPHA)), lift),
    }


def arm(chance: np.random.Generator, customers: int, *, treated: bool) -> Tally:
    """Return an arm of a shop where 10% convert and spending follows what was spent before (rho about 0.7)."""
    rate, lift = (_RATE * (1.0 + _RATE_LIFT), _VALUE_LIFT) if treated else (_RATE, 0.0)
    habit = chance.normal(size=customers)
    orders = np.where(chance.random(customers) < rate, 1 + chance.poisson(_ORDERS - 1.0, customers), 0)
    value = np.exp(3.0 + 0.6 * (0.7 * habit + np.sqrt(1.0 - 0.7**2) * chance.normal(size=customers))) * (1.0 + lift)
    before = np.exp(3.0 + 0.6 * habit)
    return Tally.of_customers(_thousandths(value * orders), orders, pre_revenue=_thousandths(before))


def _correlated(chance: np.random.Generator, customers: int, correlation: float) -> Tally:
    before = chance.normal(size=customers)
    noise = np.sqrt(1.0 - correlation**2) * chance.normal(size=customers)
    spent = 100.0 + 10.0 * (correlation * before + noise)
    ones = np.ones(customers, dtype=np.int64)
    return Tally.of_customers(_thousandths(spent), ones, pre_revenue=_thousandths(50.0 + 5.0 * before))


def _thousandths(money: np.typing.NDArray[np.float64]) -> np.typing.NDArray[np.int64]:
    return np.rint(1000.0 * money).astype(np.int64)


def _interval(outcome: object) -> Result[Interval]:
    interval = getattr(outcome, "interval", outcome)
    if isinstance(interval, Interval | NotComputable):
        return interval
    raise TypeError(f"{outcome!r} has no interval")


def _sure(outcome: Result[Sample]) -> Sample:
    if isinstance(outcome, NotComputable):
        raise RuntimeError(f"a simulated arm has no sample: {outcome.reason.sentence}")  # noqa: TRY004
    return outcome
