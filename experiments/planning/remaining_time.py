"""Whether an experiment has reached its planned end, and how long that still takes."""

import math
from datetime import datetime
from typing import Final, NamedTuple

from scipy import optimize

from experiments.definition import Experiment
from experiments.planning.sample_size import sequential_total
from experiments.planning.sample_size_formulas import days_left
from experiments.sequential.always_valid import half_width, mixture_precision
from experiments.statistics.metric_samples import RATES, measure
from experiments.statistics.sample import LARGEST
from experiments.statistics.value_or_reason import NotComputable, Reason, Result
from experiments.tally import Tallies

__all__ = [
    "LONGEST_DAYS",
    "Remaining",
    "customers_to_narrow",
    "exposed_customers",
    "fewest_buyers",
    "is_complete",
    "minimum_effect",
    "remaining",
    "smallest_arm",
    "until",
    "until_buyers",
    "until_minimum",
]

LONGEST_DAYS: Final = 365
"""Forecasts end here: nobody knows the pace of a shop beyond a year."""
_MOST_CUSTOMERS: Final = 10**9


class Remaining(NamedTuple):
    """The days and customers missing; no days where they are more than a year, no customers where the end is a date."""

    days: int | None
    customers: int | None


def exposed_customers(experiment: Experiment, tallies: Tallies) -> int:
    """Return the customers of all variants."""
    return sum(tallies.arm(variant.name).exposed for variant in experiment.variants)


def is_complete(experiment: Experiment, tallies: Tallies, now: datetime) -> bool:
    """Return whether the planned date or the planned number of customers has been reached, whichever comes first."""
    if (
        experiment.planned_customers is not None
        and exposed_customers(experiment, tallies) >= experiment.planned_customers
    ):
        return True
    return experiment.stop is not None and _ended(experiment, now) >= experiment.stop


def minimum_effect(experiment: Experiment, tallies: Tallies) -> float | None:
    """Return the minimum effect in the primary metric's unit, or None where the control has no average yet."""
    control = measure(experiment.primary_metric, tallies.arm(experiment.control))
    return None if isinstance(control, NotComputable) else abs(control.mean * experiment.minimum_effect) or None


def remaining(experiment: Experiment, tallies: Tallies, now: datetime) -> Result[Remaining]:
    """Return what is missing: until the plan, or, without one, until the minimum effect would be found.

    The latter is what an always-valid test needs (`power.sequential_customers`), shared out by the variants' weights,
    with alpha divided by the number of treatments; it is an estimate from the control's spread and pace so far.
    """
    if experiment.method == "fixed" and experiment.stop is not None:
        missing = (experiment.stop - now).total_seconds() / 86_400
        return Remaining(max(math.ceil(missing), 1), None)
    if exposed_customers(experiment, tallies) <= 0:
        return NotComputable(Reason.NO_EXPOSURES)
    if experiment.planned_customers is not None:
        return until(experiment, tallies, experiment.planned_customers, now)
    if smallest_arm(experiment, tallies)[1] <= 0:
        return NotComputable(Reason.ARM_EMPTY)
    return until(experiment, tallies, _needed(experiment, tallies), now)


def fewest_buyers(experiment: Experiment, tallies: Tallies) -> tuple[str, int]:
    """Return the variant with the fewest customers who converted, and how many they are."""
    counts = [(tallies.arm(variant.name).converted, variant.name) for variant in experiment.variants]
    buyers, name = min(counts, key=lambda each: each[0])
    return name, buyers


def until(experiment: Experiment, tallies: Tallies, needed: Result[int], now: datetime) -> Result[Remaining]:
    """Return what is missing until so many customers are exposed, at the pace so far."""
    if isinstance(needed, NotComputable):
        return needed
    have = exposed_customers(experiment, tallies)
    if have >= needed:
        return NotComputable(Reason.BEYOND_PLAN)
    if needed - have > _MOST_CUSTOMERS:
        return NotComputable(Reason.TOO_MANY_CUSTOMERS)
    left = days_left(needed, have, (_ended(experiment, now) - experiment.start).total_seconds() / 86_400)
    if isinstance(left, NotComputable):
        return left
    return Remaining(left if left <= LONGEST_DAYS else None, needed - have)


def smallest_arm(experiment: Experiment, tallies: Tallies) -> tuple[str, int]:
    """Return the variant with the fewest customers, and how many they are."""
    sizes = [(tallies.arm(variant.name).exposed, variant.name) for variant in experiment.variants]
    customers, name = min(sizes, key=lambda each: each[0])
    return name, customers


def until_minimum(experiment: Experiment, tallies: Tallies, now: datetime) -> Result[Remaining]:
    """Return what is missing until each arm has the minimum of customers that the definition asks for."""
    missing = {
        variant.name: float(experiment.minimum_customers - tallies.arm(variant.name).exposed)
        for variant in experiment.variants
    }
    return _until_arms_have(experiment, tallies, missing, now)


def until_buyers(experiment: Experiment, tallies: Tallies, now: datetime) -> Result[Remaining]:
    """Return what is missing until each arm has the minimum of customers with an order, at its rate so far."""
    missing = {}
    for variant in experiment.variants:
        arm = tallies.arm(variant.name)
        if arm.converted <= 0:
            return NotComputable(Reason.TOO_FEW_ORDERS)
        missing[variant.name] = (experiment.minimum_buyers - arm.converted) * arm.exposed / arm.converted
    return _until_arms_have(experiment, tallies, missing, now)


def _until_arms_have(
    experiment: Experiment, tallies: Tallies, missing: dict[str, float], now: datetime
) -> Result[Remaining]:
    """Return what is missing until each arm has so many customers more, which come by the variants' weights."""
    total = sum(variant.weight for variant in experiment.variants)
    most = max(missing[variant.name] * total / variant.weight for variant in experiment.variants)
    return until(experiment, tallies, exposed_customers(experiment, tallies) + math.ceil(most), now)


def customers_to_narrow(experiment: Experiment, tallies: Tallies, width: float, wanted: float) -> Result[int]:
    """Return the customers of all arms by which half an interval, now `width`, is as narrow as wanted.

    Errors shrink with the root of the customers; a sequence's width shrinks as its boundary has it.
    """
    have, share = exposed_customers(experiment, tallies), wanted / width if width > 0.0 else math.inf
    if not 0.0 < share < 1.0 or have <= 0:
        return NotComputable(Reason.NO_EFFECT_TO_DETECT if share <= 0.0 else Reason.BEYOND_PLAN)
    if experiment.method != "sequential":
        return _whole(have / share**2)
    precision = mixture_precision(experiment.expected_customers, experiment.alpha)

    def excess(log_times: float) -> float:
        times = math.exp(log_times)
        ratio = half_width(1.0 / times, have * times, precision, experiment.alpha) / now
        return float(ratio) - share

    now, most = float(half_width(1.0, float(have), precision, experiment.alpha)), math.log(LARGEST / have)
    if most <= 0.0 or excess(most) > 0.0:
        return NotComputable(Reason.OUT_OF_RANGE)
    return _whole(have * math.exp(optimize.brentq(excess, 0.0, most, xtol=1e-6)))


def _whole(customers: float) -> Result[int]:
    return NotComputable(Reason.OUT_OF_RANGE) if customers > LARGEST else math.ceil(customers)


def _needed(experiment: Experiment, tallies: Tallies) -> Result[int]:
    baseline = measure(experiment.primary_metric, tallies.arm(experiment.control))
    if isinstance(baseline, NotComputable):
        return baseline
    if experiment.primary_metric in RATES and baseline.mean in {0.0, 1.0}:
        return NotComputable(Reason.CONTROL_ALL_ALIKE)
    total = sum(variant.weight for variant in experiment.variants)
    shares = {variant.name: variant.weight / total for variant in experiment.variants}
    return sequential_total(
        baseline,
        experiment.minimum_effect,
        [shares[experiment.control], *(shares[name] for name in experiment.treatments)],
        alpha=experiment.alpha,
        power=experiment.power,
        expected_customers=experiment.expected_customers,
    )


def _ended(experiment: Experiment, now: datetime) -> datetime:
    return now if experiment.stopped_at is None else min(now, experiment.stopped_at)
