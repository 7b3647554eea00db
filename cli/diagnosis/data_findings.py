"""What is found of the data in Redis: the settings that it was written under, and whether Kafka goes on from it."""

from collections.abc import Iterator
from typing import Any

import redis

from cli.diagnosis.finding import Finding, fine, to_change
from consumers.continuity.continuity_check import discontinuities
from events.settings import KafkaSettings
from state.settings import StateSettings
from state.store import keys

__all__ = ["data_findings"]

_AREA = "data"


def data_findings(client: redis.Redis, kafka: KafkaSettings, state: StateSettings) -> Iterator[Finding]:
    """Yield the findings. Raises redis.RedisError, KafkaUnreachable."""
    mine = {"partitions": str(kafka.partitions), "half_life_days": f"{state.half_life_days:g}"}
    store: Any = client
    found = zip(mine, store.hmget(keys.FORMAT, list(mine)), strict=True)
    stored = {name: value.decode() for name, value in found if value is not None}
    if not stored:
        yield fine(_AREA, "settings", "Redis is empty: the first worker records the settings")
        return
    differing = {name: value for name, value in stored.items() if value != mine[name]}
    for name, value in differing.items():
        detail = f"{name} is {mine[name]}, but the data in Redis was written with {value}"
        yield to_change(_AREA, "settings", detail, f"export SHOAL_{name.upper()}={value}")
    if not differing:
        yield fine(_AREA, "settings", "they are those that the data was written under")
        problems = discontinuities(client, kafka)
        for problem in problems:
            yield to_change(_AREA, "offsets", problem, "shoal accept-gap TOPIC PARTITION   # or put Redis back")
        if not problems:
            yield fine(_AREA, "offsets", "Kafka still has everything that comes after what is in Redis")
