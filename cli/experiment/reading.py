"""What an experiment's commands read from Redis, as the values that `experiments` computes with."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

import redis
import typer
from pydantic import ValidationError

from cli.experiment.options import FIELDS
from cli.local import kafka_settings, state_settings
from events.errors import ShoalError
from experiments import Experiment, Tallies, Tally
from state import keys
from state.connection import connect
from state.experiments import ExperimentStore
from state.tallies import TallyStore
from state.watermarks import read_watermarks
from stream.all_segment_names import all_segment_names
from stream.clock import SegmentClock
from stream.settings import StreamSettings

__all__ = ["Reading", "Shop", "Stored", "UnknownExperiment", "open_shop", "read_tallies", "validated"]


class UnknownExperiment(ShoalError):
    """There is no experiment of that id."""


class DefinitionUnreadable(ShoalError):
    """A definition in Redis is not what this release writes."""


class Reading(NamedTuple):
    """The sums of an experiment's customers, and what is in none of them, by reason."""

    tallies: Tallies
    left_out: dict[str, int]


class Stored(NamedTuple):
    """A definition, and its text in Redis, which a change is compared with."""

    experiment: Experiment
    text: str


class Shop:
    """Everything about experiments in one Redis, at one time `now`."""

    def __init__(self, client: redis.Redis, partitions: int, clock: SegmentClock) -> None:
        self.client, self.partitions = client, partitions
        self.definitions = ExperimentStore(client)
        self.now = _now(client, partitions, clock)

    def stored(self, experiment_id: str) -> Stored:
        """Return a definition. Raises UnknownExperiment, DefinitionUnreadable."""
        text = self.definitions.get(experiment_id)
        if text is None:
            raise UnknownExperiment(_unknown(experiment_id, list(self.definitions.all())))
        return Stored(_parsed(experiment_id, text), text)

    def all(self) -> list[Experiment]:
        """Return every definition, sorted by id. Raises DefinitionUnreadable."""
        return [_parsed(experiment_id, text) for experiment_id, text in self.definitions.all().items()]

    def reading(self, experiment_id: str) -> Reading:
        """Return what has been tallied so far."""
        return read_tallies(self.client, self.partitions, experiment_id)

    def segment_names(self) -> dict[str, str]:
        """Return the names of segments by id."""
        return all_segment_names(self.client)


def open_shop(redis_url: str | None) -> Shop:
    """Connect to the Redis of an address, the settings or this folder. Raises RedisUnreachable."""
    stream = StreamSettings()
    client = connect(state_settings(redis_url).redis)
    return Shop(client, kafka_settings().partitions, SegmentClock(stream.clock, stream.replay_days))


def read_tallies(client: redis.Redis, partitions: int, experiment_id: str) -> Reading:
    """Return an experiment's tallies over all partitions."""
    found = TallyStore(client).read(experiment_id, partitions)
    return Reading(Tallies({cell: Tally(*values) for cell, values in found.cells.items()}), found.left_out)


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


def _now(client: redis.Redis, partitions: int, clock: SegmentClock) -> datetime:
    """Return the present as segments have it: the wall clock, or the stream's time while history is replayed."""
    groups = (keys.SEGMENTS_GROUP, keys.EXPERIMENTS_GROUP)
    newest_ms = max(max(read_watermarks(client, partitions, group).values()) for group in groups)
    return datetime.fromtimestamp(clock.now_ms(newest_ms) / 1000, UTC)
