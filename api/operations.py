"""Is the pipeline running, and how far behind is it: workers, partitions, lag, and what became of the events."""

import time
from typing import Any, Final

import redis

from consumers.lag import behind, end_offsets, stored_offsets, unsent_changes
from events.settings import KafkaSettings
from events.topic_admin import KafkaUnreachable
from events.topics import CO_PARTITIONED
from state import keys
from state.baselines import BaselineStore, ModelStore
from state.drift import DriftAlarms
from state.watermarks import read_fates
from state.workers import WorkerRegistry

__all__ = ["pipeline_status"]

_ALIVE_MS: Final = 15_000


def pipeline_status(client: redis.Redis, kafka: KafkaSettings) -> dict[str, Any]:
    """Return the state of the pipeline; where Kafka is away, `events_behind` is None and `problems` says so.

    Reading where the topics end takes about half a second. Raises redis.RedisError.
    """
    now_ms = time.time_ns() // 1_000_000
    baseline, model = BaselineStore(client).current(), ModelStore(client).current()
    beats = [beat for beat in WorkerRegistry(client).beats(now_ms) if now_ms - beat.at_ms < _ALIVE_MS]
    owned = {partition for beat in beats for partition in beat.partitions}
    status: dict[str, Any] = {
        "customers": sum(ModelStore(client).customers(kafka.partitions)),
        "baseline": baseline.baseline if baseline else 0,
        "model_version": model.version if model else 0,
        "events": read_fates(client, kafka.partitions, keys.SEGMENTS_GROUP),
        "events_behind": None,
        "changes_unsent": unsent_changes(client, kafka.partitions),
        "partitions": kafka.partitions,
        "partitions_without_worker": sorted(set(range(kafka.partitions)) - owned),
        "model": {
            "sums_difference": max((each.sums_difference or 0.0 for each in beats), default=0.0),
            "workers_behind": sum(each.behind for each in beats),
            "segments_starving": sum(len(each.starving) for each in beats),
            "drift_alarm": DriftAlarms(client).newest() is not None,
        },
        "workers": [
            {
                "worker": beat.worker,
                "seconds_ago": round((now_ms - beat.at_ms) / 1000, 1),
                "partitions": beat.partitions,
                "events": beat.events,
                "leader": beat.leader,
            }
            for beat in beats
        ],
        "problems": [],
    }
    try:
        ends = end_offsets(kafka, CO_PARTITIONED)
        status["events_behind"] = behind(ends, stored_offsets(client, kafka.partitions, keys.SEGMENTS_GROUP))
    except KafkaUnreachable as error:
        status["problems"].append(str(error))
    status["problems"] += _worker_problems(status)
    return status


def _worker_problems(status: dict[str, Any]) -> list[str]:
    if not status["workers"]:
        return ["no worker is alive; start one with `shoal worker`"]
    if status["partitions_without_worker"]:
        return [f"no worker owns the partitions {status['partitions_without_worker']}; wait for the rebalance"]
    return []
