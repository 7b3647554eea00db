"""Whether an experiment has reached its planned end, and how long that still takes."""

import math
from datetime import datetime
from typing import NamedTuple

from experiments.definition import Experiment
from experiments.planning.sample_size import sequential_total
from experiments.planning.sample_size_formulas import days_left
from experiments.statistics.metric_samples import RATES, measure
from experiments.statistics.value_or_reason import NotComputable, Reason, Result
from experiments.tally import Tallies

__all__ = ["Remaining", "exposed_customers", "is_complete", "minimum_effect", "remaining"]


class Remaining(NamedTuple):
    """The days and customers missing until the planned end; `customers` is None where the end is a date."""

    days: int
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
    have = exposed_customers(experiment, tallies)
    if have <= 0:
        return NotComputable(Reason.NO_EXPOSURES)
    needed = _needed(experiment, tallies) if experiment.planned_customers is None else experiment.planned_customers
    if isinstance(needed, NotComputable):
        return needed
    if have >= needed:
        return NotComputable(Reason.BEYOND_PLAN)
    left = days_left(needed, have, (_ended(experiment, now) - experiment.start).total_seconds() / 86_400)
    return left if isinstance(left, NotComputable) else Remaining(left, needed - have)


def _needed(experiment: Experiment, tallies: Tallies) -> Result[int]:
    baseline = measure(experiment.primary_metric, tallies.arm(experiment.control))
    if isinstance(baseline, NotComputable):
        return baseline
    if experiment.primary_metric in RATES and baseline.mean in {0.0, 1.0}:
        return NotComputable(Reason.ZERO_VARIANCE)
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
