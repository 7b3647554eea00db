"""What an experiment's commands read from Redis, as the values that `experiments` computes with."""

from collections.abc import Sequence

import typer
from pydantic import ValidationError

from cli.experiment.definition_options import FIELDS
from cli.local.addresses import kafka_settings, state_settings
from experiments import Experiment
from queries.experiments.experiments import Experiments, StoredDefinition, TallyTotals
from queries.segments.segment_names import all_segment_names
from state.store.connection import connect
from stream.customers.clock import SegmentClock
from stream.settings import StreamSettings

__all__ = ["Shop", "open_shop", "validated"]


class Shop:
    """Everything about experiments in one Redis, at one time `now`."""

    def __init__(self, experiments: Experiments) -> None:
        self.experiments, self.now = experiments, experiments.now()
        self.client, self.partitions = experiments.client, experiments.partitions

    def stored(self, experiment_id: str) -> StoredDefinition:
        """Return a definition. Raises UnknownExperiment, DefinitionUnreadable."""
        return self.experiments.stored(experiment_id)

    def all(self) -> list[Experiment]:
        """Return every definition, sorted by id. Raises DefinitionUnreadable."""
        return self.experiments.definitions()

    def tally_totals(self, experiment_id: str) -> TallyTotals:
        """Return what has been tallied so far."""
        return self.experiments.tally_totals(experiment_id)

    def segment_names(self) -> dict[str, str]:
        """Return the names of segments by id."""
        return all_segment_names(self.client)


def open_shop(redis_url: str | None) -> Shop:
    """Connect to the Redis of an address, the settings or this folder. Raises RedisUnreachable."""
    stream = StreamSettings()
    client = connect(state_settings(redis_url).redis)
    clock = SegmentClock(stream.clock, stream.replay_days)
    return Shop(Experiments(client, kafka_settings().partitions, clock))


def validated(fields: dict[str, object]) -> Experiment:
    """Return the definition with these fields. Raises typer.BadParameter, which names the options at fault."""
    try:
        return Experiment.model_validate(fields)
    except ValidationError as error:
        raise typer.BadParameter("; ".join(_problem(detail["loc"], detail) for detail in error.errors())) from error


def _problem(place: Sequence[int | str], detail: object) -> str:
    said = dict(detail) if isinstance(detail, dict) else {}
    message = str(said["msg"]).removeprefix("Value error, ")
    if not place:
        return message
    name = FIELDS.get(str(place[0]), ".".join(str(part) for part in place))
    if said["type"] == "missing":
        return f"{name} is missing"
    if said["type"] == "extra_forbidden":
        return f"{name} is no field of an experiment"
    return f"{name} is {said['input']!r}: {message}"
