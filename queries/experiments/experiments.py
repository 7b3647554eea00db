"""Experiments as people and services read them: definitions, reports, assignments."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import redis
from pydantic import ValidationError

from events.base_error import ShoalError
from experiments import Experiment, Tallies, Tally, assign, check_change
from state.campaigns.suppressions import SuppressionStore
from state.customers.current_segment_keys import SegmentViews
from state.customers.person_ids import PersonIdsReader
from state.entries.entry_writer import EntryWriter
from state.experiments.definitions import ExperimentStore
from state.experiments.reached_decisions import ReachedDecisionStore
from state.experiments.tally_store import TallyStore
from state.partitions.watermarks_and_outcomes import read_agreed_watermark
from state.store import keys
from stream.customers.wall_or_event_time import SegmentClock

__all__ = [
    "ChangeRefused",
    "ConcurrentChange",
    "DefinitionUnreadable",
    "ExperimentEnded",
    "ExperimentExists",
    "ExperimentNotRunning",
    "ExperimentReport",
    "Experiments",
    "StoredDefinition",
    "TallyTotals",
    "UnknownExperiment",
]


class UnknownExperiment(ShoalError):
    """There is no experiment with that id."""


class DefinitionUnreadable(ShoalError):
    """A definition in Redis is not what this release writes."""


class ExperimentExists(ShoalError):
    """An experiment with that id exists already."""


class ChangeRefused(ShoalError):
    """The change would break the statistics of an experiment that customers have been exposed to."""


class ExperimentEnded(ShoalError):
    """The experiment has ended already."""


class ExperimentNotRunning(ShoalError):
    """The experiment did not run at the time at which it should end."""


class ConcurrentChange(ShoalError):
    """The definition was changed by somebody else at the same time; read it again before retrying."""


class TallyTotals(NamedTuple):
    """An experiment's tallies, and the events and customers that are in none of them, counted by reason."""

    tallies: Tallies
    left_out: dict[str, int]


class StoredDefinition(NamedTuple):
    """A definition, and its text in Redis, which must be unchanged when it is replaced."""

    experiment: Experiment
    text: str


class ExperimentReport(NamedTuple):
    """An experiment with its status and report."""

    experiment: Experiment
    status: str
    report: Any


class Experiments:
    """Reads what Redis holds of experiments, and changes it through `writer`."""

    def __init__(
        self, client: redis.Redis, partitions: int, clock: SegmentClock, writer: EntryWriter | None = None
    ) -> None:
        self.client, self.partitions, self._clock = client, partitions, clock
        self._definitions, self._decisions = ExperimentStore(client, writer), ReachedDecisionStore(client)

    def now(self) -> datetime:
        """Return the present as segments have it: the wall clock, or the stream's time while history is replayed."""
        groups = (keys.SEGMENTS_GROUP, keys.EXPERIMENTS_GROUP)
        newest_ms = max(read_agreed_watermark(self.client, self.partitions, group) for group in groups)
        return datetime.fromtimestamp(self._clock.now_ms(newest_ms) / 1000, UTC)

    def get(self, experiment_id: str) -> Experiment:
        """Return a definition. Raises UnknownExperiment, DefinitionUnreadable."""
        return self.stored(experiment_id).experiment

    def stored(self, experiment_id: str) -> StoredDefinition:
        """Return a definition with its text. Raises UnknownExperiment, DefinitionUnreadable."""
        text = self._definitions.get(experiment_id)
        if text is None:
            raise UnknownExperiment(_unknown(experiment_id, list(self._definitions.all())))
        return StoredDefinition(_parsed(experiment_id, text), text)

    def definitions(self) -> list[Experiment]:
        """Return every definition, sorted by id. Raises DefinitionUnreadable."""
        return [each.experiment for each in self.all_stored()]

    def all_stored(self) -> list[StoredDefinition]:
        """Return every definition with its text, sorted by id. Raises DefinitionUnreadable."""
        return [StoredDefinition(_parsed(name, text), text) for name, text in self._definitions.all().items()]

    def tally_totals(self, experiment_id: str) -> TallyTotals:
        """Return an experiment's tallies over all partitions."""
        found = TallyStore(self.client).read(experiment_id, self.partitions)
        return TallyTotals(Tallies({cell: Tally(*values) for cell, values in found.cells.items()}), found.left_out)

    def report(self, experiment: Experiment) -> ExperimentReport:
        """Return an experiment with its present status and report."""
        from experiments.reporting.document import Reached
        from experiments.reporting.report import report  # the statistics take a second to load

        now, (tallies, left_out) = self.now(), self.tally_totals(experiment.id)
        found = report(experiment, tallies, now, left_out)
        reached = [
            {**each._asdict(), "at": datetime.fromtimestamp(each.at_ms / 1000, UTC)}
            for each in self._decisions.read(experiment.id)
        ]
        standing = found.model_copy(update={"reached": [Reached.model_validate(each) for each in reached]})
        return ExperimentReport(experiment, experiment.status(now), standing)

    def ids(self) -> list[str]:
        """Return the ids of all experiments, sorted."""
        return list(self._definitions.all())

    def all(self) -> list[ExperimentReport]:
        """Return every experiment with its present status and report, sorted by id. Raises DefinitionUnreadable."""
        return [self.report(each) for each in self.definitions()]

    def create(self, experiment: Experiment) -> None:
        """Store a new definition. Raises ExperimentExists."""
        if not self._definitions.create(experiment.id, experiment.model_dump_json()):
            raise ExperimentExists(
                f"there is an experiment {experiment.id!r} already; choose another id, or see `shoal experiment update`"
            )

    def stop(self, experiment_id: str, at: datetime | None = None) -> Experiment:
        """End an experiment, now unless an earlier time is given.

        Raises UnknownExperiment, DefinitionUnreadable, ExperimentEnded, ExperimentNotRunning, ChangeRefused,
        ConcurrentChange.
        """
        stored, now = self.stored(experiment_id), self.now()
        experiment, when = stored.experiment, now if at is None else at
        if experiment.end is not None and experiment.end <= now:
            raise ExperimentEnded(f"experiment {experiment_id!r} has ended at {experiment.end.isoformat()} already")
        if not experiment.start <= when <= now:
            raise ExperimentNotRunning(
                f"{when.isoformat()} is not between the start {experiment.start.isoformat()} and now "
                f"{now.isoformat()}; for an end to come use `shoal experiment update {experiment_id} --stop T`"
            )
        stopped = Experiment.model_validate({**experiment.model_dump(), "stopped_at": when})
        self.replace(stored, stopped)
        return stopped

    def replace(self, stored: StoredDefinition, changed: Experiment) -> None:
        """Put a changed definition in the place of the one that was read. Raises ChangeRefused, ConcurrentChange."""
        old = stored.experiment
        cells = self.tally_totals(old.id).tallies.cells.values()
        exposed = sum(tally.exposed for tally in cells) or sum(tally.contaminated for tally in cells)
        refusals = check_change(old, changed, running=exposed > 0)
        if refusals:
            reasons = "; ".join(f"{each.field.replace('_', ' ')} may not change: {each.reason}" for each in refusals)
            raise ChangeRefused(f"{exposed:,} customers have been exposed to {old.id!r}, and {reasons}")
        if not self._definitions.replace(old.id, changed.model_dump_json(), stored.text):
            raise ConcurrentChange(
                f"somebody else has changed experiment {old.id!r} at the same time; look at it and try again"
            )

    def assignments(self, experiment: Experiment, customers: Sequence[str]) -> list[dict[str, Any]]:
        """Return each customer's variant, or why there is none, in the order given; four round trips to Redis.

        A customer who was merged into another has that one's variant, and is left out where any id of the person is.
        """
        views = SegmentViews(self.client).read_many(customers)
        people = PersonIdsReader(self.client, self.partitions).many(customers)
        suppressed = SuppressionStore(self.client).are_any_suppressed([each.all for each in people])
        rows = []
        for customer_id, person, view, out in zip(customers, people, views, suppressed, strict=True):
            segment_id = view.segment_id if view else None
            variant, unassigned = assign(person.customer_id, experiment, segment=segment_id, suppressed=out)
            rows.append(
                {
                    "customer_id": customer_id,
                    "variant": variant,
                    "unassigned": unassigned,
                    "segment_id": segment_id,
                    "segment": view.segment if view else None,
                }
            )
        return rows


def _unknown(experiment_id: str, existing: list[str]) -> str:
    there = f"there are: {', '.join(existing)}" if existing else "there is none yet; see `shoal experiment create`"
    return f"there is no experiment {experiment_id!r}; {there}"


def _parsed(experiment_id: str, text: str) -> Experiment:
    try:
        return Experiment.model_validate_json(text)
    except ValidationError as error:
        raise DefinitionUnreadable(
            f"the definition of experiment {experiment_id!r} in Redis cannot be read: {error}"
        ) from error
