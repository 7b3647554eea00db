"""Open the experiments that Redis holds, and check definitions before they are stored."""

from collections.abc import Sequence

import typer
from pydantic import ValidationError

from cli.experiment.definition_options import FIELDS
from cli.local.entry_writing import open_entries
from cli.local.service_addresses import kafka_settings, state_settings
from experiments import Experiment
from queries.experiments.experiments import Experiments
from state.store.connection import connect
from stream.customers.wall_or_event_time import SegmentClock
from stream.settings import StreamSettings

__all__ = ["open_experiments", "open_experiments_to_change", "validated"]


def open_experiments(redis_url: str | None) -> Experiments:
    """Connect to the Redis of an address, the settings or this folder, to read. Raises RedisUnreachable."""
    return Experiments(connect(state_settings(redis_url).redis), kafka_settings().partitions, _clock())


def open_experiments_to_change(redis_url: str | None) -> Experiments:
    """Connect to Kafka too. Raises RedisUnreachable, KafkaUnreachable, TopicsMisconfigured."""
    client, log = open_entries(redis_url)
    return Experiments(client, kafka_settings().partitions, _clock(), log)


def _clock() -> SegmentClock:
    stream = StreamSettings()
    return SegmentClock(stream.clock, stream.replay_days)


def validated(fields: dict[str, object]) -> Experiment:
    """Return the definition with these fields. Raises typer.BadParameter, which names the options at fault."""
    try:
        return Experiment.model_validate(fields)
    except ValidationError as error:
        raise typer.BadParameter("; ".join(_problem(detail["loc"], detail) for detail in error.errors())) from error


def _problem(place: Sequence[int | str], detail: object) -> str:
    error = dict(detail) if isinstance(detail, dict) else {}
    message = str(error["msg"]).removeprefix("Value error, ")
    if not place:
        return message
    name = FIELDS.get(str(place[0]), ".".join(str(part) for part in place))
    if error["type"] == "missing":
        return f"{name} is missing"
    if error["type"] == "extra_forbidden":
        return f"{name} is no field of an experiment"
    return f"{name} is {error['input']!r}: {message}"
