"""Record the effect of every experiment from time to time, so that its course can be shown."""

from collections.abc import Iterable

from experiments.reporting.document import Report
from queries.experiments.experiments import ExperimentReport, Experiments
from state.experiments.effect_series import EffectInterval, EffectPoint, EffectSeriesStore
from state.experiments.reached_decisions import ReachedDecision, ReachedDecisionStore

__all__ = ["record_all_effects", "record_effect"]


def record_all_effects(
    experiments: Experiments, store: EffectSeriesStore, decisions: ReachedDecisionStore, every_s: float
) -> None:
    """Record the effect and the decision of every experiment, unless another process has done so lately.

    Lately is within most of `every_s`.
    """
    if experiments.ids() and store.claim_turn(0.9 * every_s):
        for current in experiments.all():
            record_effect(current, store, decisions)


def record_effect(current: ExperimentReport, store: EffectSeriesStore, decisions: ReachedDecisionStore) -> None:
    """Record the present effect of an experiment, and its decision, unless nothing has changed since the last one."""
    point = _effect_now(current.report)
    if not point.exposed:
        return
    experiment_id, verdict = current.experiment.id, current.report.verdict
    before = store.read(experiment_id)
    if not decisions.read(experiment_id):
        _take_over(current, before, decisions)
    decisions.add(experiment_id, ReachedDecision(point.decision, verdict.variant, point.at_ms, point.exposed))
    if not before or before[-1]._replace(at_ms=point.at_ms) != point:
        store.add(experiment_id, point)


def _take_over(current: ExperimentReport, points: Iterable[EffectPoint], decisions: ReachedDecisionStore) -> None:
    """Record the decisions of a series that an earlier release kept; it names no variants."""
    verdict = current.report.verdict
    for point in points:
        variant = verdict.variant if point.decision == verdict.decision else None
        decisions.add(current.experiment.id, ReachedDecision(point.decision, variant, point.at_ms, point.exposed))


def _effect_now(report: Report) -> EffectPoint:
    effects = {}
    for row in report.overall.comparisons:
        if row.role == "primary":
            finding = row.decides
            low, high = finding.ci or (None, None)
            effects[row.variant] = EffectInterval(finding.effect, _bounded(low), _bounded(high))
    exposed = sum(arm.exposed for arm in report.overall.arms)
    return EffectPoint(round(report.at.timestamp() * 1000), exposed, report.verdict.decision, effects)


def _bounded(value: float | None) -> float | None:
    """Return a finite end of an interval."""
    return value if value is not None and abs(value) < float("inf") else None
