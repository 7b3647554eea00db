"""Where commands write what a person enters: on Kafka first, then into Redis."""

from typing import TYPE_CHECKING, NamedTuple

from cli.local.service_addresses import kafka_settings, state_settings

if TYPE_CHECKING:
    import redis

    from consumers.entries.entry_log import EntryLog

__all__ = ["EntryDesk", "open_entries"]


class EntryDesk(NamedTuple):
    """Redis, and the log through which it is changed."""

    client: "redis.Redis"
    log: "EntryLog"


def open_entries(redis_url: str | None) -> EntryDesk:
    """Connect to Redis and Kafka; Kafka is the one of the settings, or of this folder.

    Raises RedisUnreachable, RedisRefuses, KafkaUnreachable, TopicsMisconfigured.
    """
    from consumers.entries.entry_log import TOPIC, EntryLog
    from events.topics.permissions import Needs
    from events.topics.required_topics import require_topics
    from state.store.connection import connect

    client, kafka = connect(state_settings(redis_url).redis), kafka_settings()
    require_topics(kafka, [TOPIC], Needs((TOPIC,), (TOPIC,)))
    return EntryDesk(client, EntryLog(kafka, client))
