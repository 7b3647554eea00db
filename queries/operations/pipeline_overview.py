"""How the pipeline is doing, as the API and the dashboard tell it."""

from typing import Any

import redis

from events.settings import KafkaSettings
from events.topics.administration import KafkaUnreachable
from queries.operations.pipeline_status import input_ends, lag_by_partition, lags, state_status

__all__ = ["pipeline_status"]


def pipeline_status(client: redis.Redis, kafka: KafkaSettings) -> dict[str, Any]:
    """Return the state of the pipeline; where Kafka is away, what is behind is None and `problems` says so.

    Kafka is asked for the end of every input partition each time. Raises redis.RedisError.
    """
    status = state_status(client, kafka.partitions)
    status |= {"events_behind": None, "tallies_behind": None, "partitions_behind": None}
    try:
        ends = input_ends(kafka)
    except KafkaUnreachable as error:
        status["problems"].insert(0, str(error))
    else:
        behind = lags(client, kafka, ends)
        status |= {"events_behind": behind["events"], "tallies_behind": behind["tallies"]}
        status["partitions_behind"] = lag_by_partition(client, kafka, ends)
    return status
