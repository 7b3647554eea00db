"""Whether Redis and Kafka hold together, for those who look from outside: `shoal health`, `shoal wait`, the API."""

from typing import Final

import redis

from consumers.continuity.discontinuity_reasons import (
    TOPICS_OF_GROUP,
    Discontinuity,
    inconsistency,
    loss,
    places_of,
    replaced_logs,
    replacement,
    truncations,
)
from consumers.continuity.log_facts import LogFacts, LogIdentity
from events.settings import KafkaSettings
from state.partitions.partition_consistency_state import read_stored_states

__all__ = ["discontinuities", "require_continuity"]

_NAMED: Final = 8


def discontinuities(client: redis.Redis, kafka: KafkaSettings) -> list[str]:
    """Return in words what is missing or does not belong together, of all groups and partitions; at most 9 sentences.

    Raises KafkaUnreachable, redis.RedisError.
    """
    facts, said = LogFacts(kafka), dict[str, None]()
    for group, topics in TOPICS_OF_GROUP.items():
        states = read_stored_states(client, range(kafka.partitions), group)
        places = [place for state in states for place in places_of(kafka, group, state.partition).values()]
        identities, beginnings = facts.identities(map(kafka.topic, topics)), facts.beginnings(places)
        for state in states:
            replaced = replaced_logs(kafka, state, identities)
            found = [inconsistency(kafka, state)]
            found += [_replacement(kafka, topic, state.logs, identities) for topic in replaced]
            mine = {place: begin for place, begin in beginnings.items() if place[1] == state.partition}
            found += truncations(kafka, state, mine) if any(mine.values()) and not any(found) else []
            found += [loss(kafka, facts, state)] if any(mine.values()) and not any(found) else []
            said |= dict.fromkeys(each for each in found if each)
    named = list(said)
    more = [f"{len(named) - _NAMED} more of this kind"] if len(named) > _NAMED else []
    return [*named[:_NAMED], *more]


def require_continuity(client: redis.Redis, kafka: KafkaSettings) -> None:
    """Raise Discontinuity where something is missing or does not belong together."""
    if found := discontinuities(client, kafka):
        raise Discontinuity(found[0])


def _replacement(kafka: KafkaSettings, topic: str, logs: dict[str, str], found: dict[str, LogIdentity]) -> str:
    name = kafka.topic(topic)
    return replacement(kafka, topic, LogIdentity.parse(logs[name]), found[name])
