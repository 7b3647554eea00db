"""Experiments as people and services read them: definitions, reports, assignments."""

from datetime import UTC, datetime
from typing import Any, NamedTuple

import redis
from pydantic import ValidationError

from api.problems import Refusal
from experiments import Experiment, Tallies, Tally, assign, check_change
from state import keys
from state.experiments import ExperimentStore
from state.segment_views import SegmentViews
from state.suppressions import SuppressionStore
from state.tallies import TallyStore
from state.watermarks import read_watermarks
from stream.clock import SegmentClock

__all__ = ["Experiments", "Standing"]


class Standing(NamedTuple):
    """An experiment and what is known of it."""

    experiment: Experiment
    status: str
    report: Any


class Experiments:
    """Reads and changes what Redis holds of experiments."""

    def __init__(self, client: redis.Redis, partitions: int, clock: SegmentClock) -> None:
        self._client, self._partitions, self._clock = client, partitions, clock
        self._definitions = ExperimentStore(client)

    def now(self) -> datetime:
        """Return the present as segments have it: the wall clock, or the stream's time while history is replayed."""
        groups = (keys.SEGMENTS_GROUP, keys.EXPERIMENTS_GROUP)
        newest_ms = max(max(read_watermarks(self._client, self._partitions, group).values()) for group in groups)
        return datetime.fromtimestamp(self._clock.now_ms(newest_ms) / 1000, UTC)

    def get(self, experiment_id: str) -> Experiment:
        """Return a definition. Raises Refusal: 404."""
        return self._stored(experiment_id)[0]

    def _stored(self, experiment_id: str) -> tuple[Experiment, str]:
        text = self._definitions.get(experiment_id)
        if text is None:
            raise Refusal(404, f"there is no experiment {experiment_id!r}; GET /v1/experiments lists them")
        return Experiment.model_validate_json(text), text

    def standing(self, experiment: Experiment) -> Standing:
        """Return the report of an experiment as it stands."""
        from experiments.report import report  # the statistics take a second to load

        now = self.now()
        found = TallyStore(self._client).read(experiment.id, self._partitions)
        tallies = Tallies({cell: Tally(*values) for cell, values in found.cells.items()})
        return Standing(experiment, experiment.status(now), report(experiment, tallies, now, found.left_out))

    def ids(self) -> list[str]:
        """Return the ids of all experiments, sorted."""
        return list(self._definitions.all())

    def all(self) -> list[Standing]:
        """Return every experiment as it stands, sorted by id."""
        return [self.standing(Experiment.model_validate_json(text)) for text in self._definitions.all().values()]

    def create(self, definition: dict[str, Any]) -> Experiment:
        """Store a new definition, which starts now unless it says when. Raises Refusal: 422, 409."""
        try:
            experiment = Experiment.model_validate({"start": self.now(), **definition})
        except ValidationError as error:
            said = "; ".join(f"{'.'.join(map(str, each['loc'])) or 'body'}: {each['msg']}" for each in error.errors())
            raise Refusal(422, said) from None
        if not self._definitions.create(experiment.id, experiment.model_dump_json()):
            raise Refusal(409, f"there is an experiment {experiment.id!r} already; choose another id")
        return experiment

    def stop(self, experiment_id: str) -> Experiment:
        """End an experiment now. Raises Refusal: 404, 409."""
        experiment, text = self._stored(experiment_id)
        now = self.now()
        if experiment.end is not None and experiment.end <= now:
            raise Refusal(409, f"experiment {experiment_id!r} has ended at {experiment.end.isoformat()} already")
        if experiment.start > now:
            raise Refusal(409, f"experiment {experiment_id!r} begins at {experiment.start.isoformat()} only")
        stopped = Experiment.model_validate({**experiment.model_dump(), "stopped_at": now})
        refusals = check_change(experiment, stopped, running=True)
        if refusals:
            raise Refusal(409, "; ".join(f"{each.field} may not change: {each.reason}" for each in refusals))
        if not self._definitions.replace(experiment_id, stopped.model_dump_json(), text):
            raise Refusal(409, f"somebody else has changed experiment {experiment_id!r} meanwhile; look and try again")
        return stopped

    def assignment(self, experiment_id: str, customer_id: str) -> dict[str, Any]:
        """Return a customer's variant, or why there is none. Raises Refusal: 404."""
        experiment = self.get(experiment_id)
        view = SegmentViews(self._client).read(customer_id)
        out = SuppressionStore(self._client).check([customer_id])[0]
        segment_id = view.segment_id if view else None
        variant, unassigned = assign(customer_id, experiment, segment=segment_id, suppressed=out)
        return {
            "experiment": experiment_id,
            "status": experiment.status(self.now()),
            "customer_id": customer_id,
            "variant": variant,
            "unassigned": unassigned,
            "segment_id": segment_id,
        }
