"""What lists say of all experiments: within a second, also of thousands."""

import time
from collections.abc import Callable
from datetime import datetime
from typing import Final, NamedTuple

from events.time_units import HOUR_MS
from experiments import Experiment, Tallies, Tally
from queries.experiments.experiments import Experiments
from state.experiments.summaries import StoredSummary, SummaryStore, TallyTexts

__all__ = ["ExperimentSummaries", "SummarizedExperiment"]

_BUDGET_S: Final = 0.3
_YOUNG_MS: Final = HOUR_MS


class SummarizedExperiment(NamedTuple):
    """An experiment with its present status, and with the verdict as of a time."""

    experiment: Experiment
    status: str
    exposed: int
    decision: str
    sentence: str
    at_ms: int


class _Outdated(NamedTuple):
    experiment: Experiment
    tallies: TallyTexts
    mark: str
    before: StoredSummary | None


class ExperimentSummaries:
    """Keeps verdicts in Redis for as long as nothing was tallied since, and an hour at most: forecasts change by day.

    Where more have changed than can be judged within `budget_s`, those that were judged last are shown as of then.
    """

    def __init__(
        self,
        experiments: Experiments,
        budget_s: float = _BUDGET_S,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._experiments, self._budget_s, self._monotonic = experiments, budget_s, monotonic
        self._store = SummaryStore(experiments.client)

    def all(self) -> list[SummarizedExperiment]:
        """Return every experiment, sorted by id. Raises DefinitionUnreadable, redis.RedisError."""
        stored, now = self._experiments.all_stored(), self._experiments.now()
        now_ms = round(now.timestamp() * 1000)
        ids = [each.experiment.id for each in stored]
        known = dict(zip(ids, self._store.read(ids), strict=True))
        outdated = []
        for (experiment, text), tallies in zip(
            stored, self._store.tallies(ids, self._experiments.partitions), strict=True
        ):
            before, mark = known[experiment.id], tallies.mark(f"{experiment.status(now)} {text}")
            if before is None or before.mark != mark or abs(now_ms - before.at_ms) > _YOUNG_MS:
                outdated.append(_Outdated(experiment, tallies, mark, before))
        fresh = self._judged(outdated, now, now_ms)
        self._store.write(fresh)
        told = known | fresh
        return [_shown(each.experiment, now, told[each.experiment.id]) for each in stored]

    def _judged(self, outdated: list[_Outdated], now: datetime, now_ms: int) -> dict[str, StoredSummary]:
        """Return new summaries: of all that have none, then of the oldest, until the time is used up."""
        from experiments.reporting.report import judge  # the statistics take a second to load

        began, fresh = self._monotonic(), {}
        for each in sorted(outdated, key=lambda each: each.before.at_ms if each.before else -1):
            if each.before is not None and self._monotonic() - began > self._budget_s:
                break
            cells = {cell: Tally(*values) for cell, values in each.tallies.read().cells.items()}
            judgement = judge(each.experiment, Tallies(cells), now)
            fresh[each.experiment.id] = StoredSummary(
                mark=each.mark,
                at_ms=now_ms,
                exposed=judgement.exposed,
                decision=judgement.verdict.decision,
                sentence=judgement.verdict.sentence,
            )
        return fresh


def _shown(experiment: Experiment, now: datetime, summary: StoredSummary | None) -> SummarizedExperiment:
    assert summary is not None  # noqa: S101 - what has none is judged
    return SummarizedExperiment(
        experiment, experiment.status(now), summary.exposed, summary.decision, summary.sentence, summary.at_ms
    )
