"""Look at every experiment from time to time, watched or not, so that its effect over time is known."""

from collections.abc import Iterable

from experiments.reporting.document import Report
from queries.experiments.experiments import ExperimentReport, Experiments
from state.experiments.effect_series import EffectInterval, EffectPoint, EffectSeriesStore

__all__ = ["decision_since", "record_all_effects", "record_effect"]


def record_all_effects(experiments: Experiments, store: EffectSeriesStore, every_s: float) -> None:
    """Look at every experiment, unless a process of the API did within most of `every_s`."""
    if experiments.ids() and store.claim_turn(0.9 * every_s):
        for standing in experiments.all():
            record_effect(standing, store)


def record_effect(standing: ExperimentReport, store: EffectSeriesStore) -> None:
    """Keep what is seen of an experiment, unless nothing has changed since the last look."""
    look = _look(standing.report)
    before = store.read(standing.experiment.id)
    if look.exposed and (not before or before[-1]._replace(at_ms=look.at_ms) != look):
        store.add(standing.experiment.id, look)


def _look(report: Report) -> EffectPoint:
    effects = {}
    for row in report.overall.comparisons:
        if row.role == "primary":
            told = row.sequential if report.method == "sequential" else row
            low, high = told.ci or (None, None)
            effects[row.variant] = EffectInterval(told.effect, _bounded(low), _bounded(high))
    exposed = sum(arm.exposed for arm in report.overall.arms)
    return EffectPoint(round(report.at.timestamp() * 1000), exposed, report.verdict.decision, effects)


def _bounded(value: float | None) -> float | None:
    """Return a finite end of an interval."""
    return value if value is not None and abs(value) < float("inf") else None


def decision_since(looks: Iterable[EffectPoint]) -> EffectPoint | None:
    """Return the first look from which on the decision has been what it is now."""
    since: EffectPoint | None = None
    for look in looks:
        if since is None or look.decision != since.decision:
            since = look
    return since
