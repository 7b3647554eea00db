"""One treatment against the control in one metric, with every statistic that applies."""

from dataclasses import replace
from typing import Literal

from experiments.definition import Experiment, Metric
from experiments.planning.sample_size_formulas import minimum_detectable_effect, sequential_detectable_effect
from experiments.reporting import document
from experiments.sequential.always_valid import always_valid
from experiments.sequential.always_valid_rates import two_rate_sequences
from experiments.sequential.group_sequential import evaluate_look, obrien_fleming, pocock
from experiments.statistics.lift import fieller_lift
from experiments.statistics.means import welch
from experiments.statistics.metric_samples import RATES, cuped_samples, samples, successes
from experiments.statistics.proportions import counts_allow_variances, fisher, two_proportions
from experiments.statistics.sample import Sample
from experiments.statistics.value_or_reason import Estimate, Interval, NotComputable, Reason, Result
from experiments.tally import Tally

__all__ = ["compare"]

Family = Literal["primary", "guardrails", "segments"]
Arms = Result[tuple[Sample, Sample]]
Tests = tuple[Result[Estimate], Result[Estimate]]
"""At one look, and always valid."""


def compare(
    experiment: Experiment,
    variant: str,
    metric: Metric,
    arms: tuple[Tally, Tally],
    family: Family,
    information: float | None = None,
) -> document.Comparison:
    """Return the comparison of (treatment, control); only its whole family can adjust its p-values.

    `information` is the share of the planned customers seen so far, where looks are planned.
    """
    pair = samples(metric, *arms)
    fixed, sequential = _rate_tests(experiment, metric, arms, pair) if metric in RATES else _tests(experiment, pair)
    cuped, adjusted = _cuped(experiment, metric, arms)
    decided_by_cuped = experiment.cuped and cuped is not None and cuped.cannot_say is None
    return document.Comparison(
        **dict(document.Finding.of(fixed)),
        variant=variant,
        control=experiment.control,
        metric=metric,
        role="primary" if metric is experiment.primary_metric else "guardrail",
        family=family,
        decided_by="cuped" if decided_by_cuped else "plain",
        validity=_validity(experiment, information),
        too_early=None if isinstance(fixed, NotComputable) else _too_early(experiment, metric, arms),
        lift=document.Finding.of(pair if isinstance(pair, NotComputable) else fieller_lift(*pair, experiment.alpha)),
        sequential=document.Finding.of(sequential),
        group_sequential=_look(experiment, adjusted if decided_by_cuped else pair, information),
        cuped=cuped,
        minimum_detectable_effect=_detectable(experiment, adjusted if decided_by_cuped else pair),
    )


def _validity(experiment: Experiment, information: float | None) -> document.Validity:
    """Return when the deciding figures may be read; planned looks are of the whole experiment, not of segments."""
    if experiment.method == "group_sequential" and information is not None:
        return "planned_look"
    return "always" if experiment.method == "sequential" else "once"


def _too_early(experiment: Experiment, metric: Metric, arms: tuple[Tally, Tally]) -> Reason | None:
    """Return why nothing may be decided yet: averages of money of few buyers, of whom the largest are yet to come."""
    if metric in RATES or min(arm.converted for arm in arms) >= experiment.minimum_buyers:
        return None
    return Reason.TOO_FEW_BUYERS


def _tests(experiment: Experiment, pair: Arms) -> Tests:
    if isinstance(pair, NotComputable):
        return pair, pair
    return welch(*pair, experiment.alpha), always_valid(*pair, experiment.alpha, experiment.expected_customers)


def _rate_tests(experiment: Experiment, metric: Metric, arms: tuple[Tally, Tally], pair: Arms) -> Tests:
    """Return z-test and asymptotic sequence where counts allow them, else the exact ones.

    The test rests on counts expected under no difference, the sequence on variances, so on the counts seen in each arm.
    """
    if isinstance(pair, NotComputable):
        return pair, pair
    treatment, control = arms
    counts = (successes(metric, treatment), treatment.exposed, successes(metric, control), control.exposed)
    fixed = two_proportions(*counts, experiment.alpha)
    if fixed == NotComputable(Reason.SMALL_EXPECTED_COUNTS):
        fixed = fisher(*counts, experiment.alpha)
    if counts_allow_variances(*counts):
        return fixed, _possible(always_valid(*pair, experiment.alpha, experiment.expected_customers))
    return fixed, two_rate_sequences(*counts, experiment.alpha)


def _possible(found: Result[Estimate]) -> Result[Estimate]:
    """Return a difference of rates whose interval holds only differences that rates can have."""
    if isinstance(found, NotComputable):
        return found
    return replace(found, interval=Interval(max(found.interval.low, -1.0), min(found.interval.high, 1.0)))


def _cuped(experiment: Experiment, metric: Metric, arms: tuple[Tally, Tally]) -> tuple[document.Cuped | None, Arms]:
    if metric is not Metric.REVENUE_PER_CUSTOMER:
        return None, NotComputable(Reason.NO_PRE_PERIOD)
    adjusted = cuped_samples(*arms)
    if isinstance(adjusted, NotComputable):
        return document.Cuped(cannot_say=adjusted.reason, sequential=document.Finding.of(adjusted)), adjusted
    pair = (adjusted.treatment, adjusted.control)
    fixed, sequential = (document.Finding.of(each) for each in _tests(experiment, pair))
    row = document.Cuped(**dict(fixed), variance_reduction=adjusted.variance_reduction, sequential=sequential)
    return row, pair


def _look(experiment: Experiment, pair: Arms, information: float | None) -> document.Look | None:
    if information is None:
        return None
    if isinstance(pair, NotComputable):
        return document.Look(looks=experiment.looks, cannot_say=pair.reason)
    look = evaluate_look(
        *pair,
        information,
        looks=experiment.looks,
        alpha=experiment.alpha / len(experiment.treatments),
        spending=obrien_fleming if experiment.spending == "obrien_fleming" else pocock,
    )
    if isinstance(look, NotComputable):
        return document.Look(looks=experiment.looks, cannot_say=look.reason)
    return document.Look(
        number=look.number,
        looks=experiment.looks,
        critical_z=look.critical,
        z=look.z,
        ci=look.interval,
        crossed=look.crossed,
    )


def _detectable(experiment: Experiment, pair: Arms) -> float | None:
    """Return the minimum detectable effect by the declared method; planned looks count as one at their end."""
    if isinstance(pair, NotComputable):
        return None
    if experiment.method == "sequential":
        effect = sequential_detectable_effect(*pair, experiment.alpha, experiment.power, experiment.expected_customers)
    else:
        effect = minimum_detectable_effect(*pair, experiment.alpha, experiment.power)
    return None if isinstance(effect, NotComputable) else effect
