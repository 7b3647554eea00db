"""Record the effect of every experiment from time to time, so that its course can be shown."""

from collections.abc import Iterable

from experiments.reporting.document import Report
from queries.experiments.experiments import ExperimentReport, Experiments
from state.experiments.effect_series import EffectInterval, EffectPoint, EffectSeriesStore

__all__ = ["decision_since", "record_all_effects", "record_effect"]


def record_all_effects(experiments: Experiments, store: EffectSeriesStore, every_s: float) -> None:
    """Record the effect of every experiment, unless another process has done so within most of `every_s`."""
    if experiments.ids() and store.claim_turn(0.9 * every_s):
        for current in experiments.all():
            record_effect(current, store)


def record_effect(current: ExperimentReport, store: EffectSeriesStore) -> None:
    """Record the present effect of an experiment, unless nothing has changed since the last one."""
    point = _effect_now(current.report)
    before = store.read(current.experiment.id)
    if point.exposed and (not before or before[-1]._replace(at_ms=point.at_ms) != point):
        store.add(current.experiment.id, point)


def _effect_now(report: Report) -> EffectPoint:
    effects = {}
    for row in report.overall.comparisons:
        if row.role == "primary":
            finding = row.sequential if report.method == "sequential" else row
            low, high = finding.ci or (None, None)
            effects[row.variant] = EffectInterval(finding.effect, _bounded(low), _bounded(high))
    exposed = sum(arm.exposed for arm in report.overall.arms)
    return EffectPoint(round(report.at.timestamp() * 1000), exposed, report.verdict.decision, effects)


def _bounded(value: float | None) -> float | None:
    """Return a finite end of an interval."""
    return value if value is not None and abs(value) < float("inf") else None


def decision_since(points: Iterable[EffectPoint]) -> EffectPoint | None:
    """Return the first recorded effect since which the decision has been the present one."""
    since: EffectPoint | None = None
    for point in points:
        if since is None or point.decision != since.decision:
            since = point
    return since
