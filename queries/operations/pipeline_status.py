"""Is the pipeline running, and how far behind is it: what Redis says, and what Kafka says of it."""

import time
from collections import Counter
from typing import Any, Final

import redis

from consumers.broker.consumer_lag import behind, end_offsets, stored_offsets, unsent_changes
from consumers.broker.message_coordinates import Offsets
from consumers.continuity.continuity_check import discontinuities
from events.codec.instants import rfc3339
from events.schema.outputs import Baseline
from events.settings import KafkaSettings
from events.topics.administration import KafkaUnreachable
from events.topics.specs import EXPERIMENT_TOPICS, SEGMENT_TOPICS
from queries.operations.accepted_gap_json import accepted_gap_json
from state.campaigns.deliveries import DeliveryStore
from state.campaigns.triggers import TriggerStore
from state.model.baselines import BaselineStore, ModelStore
from state.model.drift_alarm import DriftAlarms
from state.operations.background_jobs import BackgroundJobs, FailingJob
from state.operations.redis_condition import redis_condition
from state.operations.skipped_messages import Skipped, SkippedMessages
from state.partitions.accepted_gaps import AcceptedGaps
from state.partitions.watermarks_and_outcomes import read_outcome_counts
from state.partitions.worker_heartbeats import WorkerRegistry
from state.store import keys
from stream.model.name_truth import add_counts, name_share

__all__ = ["alive", "input_ends", "lag_by_partition", "lag_of_groups", "lags", "pipeline_status", "state_status"]

_GROUPS: Final = {
    keys.SEGMENTS_GROUP: SEGMENT_TOPICS,
    keys.EXPERIMENTS_GROUP: EXPERIMENT_TOPICS,
    keys.TRIGGERS_GROUP: ("segment-changes",),
}
_SHOWN: Final = 20
"""Skipped messages that are listed; the others are counted."""
_NO_CONSUMER: Final = "experiments are declared but no consumer tallies them; start one with `shoal experiments`"
_NO_TRIGGERS: Final = "there are triggers but no service calls their webhooks; start one with `shoal triggers`"


def pipeline_status(client: redis.Redis, kafka: KafkaSettings, *, may_evict: bool = False) -> dict[str, Any]:
    """Return the state of the pipeline; where Kafka is away, what is behind is None and `problems` says so.

    Kafka is asked for the end of every input partition each time. Raises redis.RedisError.
    """
    status = state_status(client, kafka.partitions, may_evict=may_evict)
    status |= {"events_behind": None, "tallies_behind": None, "partitions_behind": None, "lag": []}
    try:
        ends = input_ends(kafka)
        status["problems"] += discontinuities(client, kafka)
    except KafkaUnreachable as error:
        status["problems"].insert(0, str(error))
    else:
        lag = lags(client, kafka, ends)
        status |= {"events_behind": lag["events"], "tallies_behind": lag["tallies"]}
        status["partitions_behind"] = lag_by_partition(client, kafka, ends)
        status["lag"] = lag_of_groups(client, kafka, ends)
    return status


def state_status(client: redis.Redis, partitions: int, *, may_evict: bool = False) -> dict[str, Any]:
    """Return what Redis says of itself, workers, events, experiments and triggers, as JSON values; `problems` in words.

    With `may_evict`, a policy by which Redis may drop keys is no problem (SHOAL_REDIS_EVICTION=allow).
    A process is alive that has given a sign of life within 15 seconds. Raises redis.RedisError.
    """
    condition = redis_condition(client, may_evict=may_evict)
    workers, store = alive(client, keys.WORKERS), ModelStore(client)
    baseline, model, alarm = BaselineStore(client).current(), store.current(), DriftAlarms(client).current()
    owned = {partition for worker in workers for partition in worker["partitions"]}
    orphans = sorted(set(range(partitions)) - owned)
    experiments, triggers = _experiments(client, partitions), _triggers(client, partitions)
    failing = BackgroundJobs(client).failing()
    return {
        "redis": {"ok": not condition.problems, **condition.model_dump(exclude={"problems"})},
        "drift": alarm._asdict() if alarm else None,
        "customers": sum(store.customers(partitions)),
        "forgotten": _number(client, keys.FORGOTTEN),
        "events": read_outcome_counts(client, partitions, keys.SEGMENTS_GROUP),
        "baseline": baseline.baseline if baseline else 0,
        "model_version": model.version if model else 0,
        "changes_unsent": unsent_changes(client, partitions),
        "partitions": partitions,
        "partitions_without_worker": orphans,
        "model": _model(baseline, workers, drifting=alarm is not None),
        "workers": workers,
        "experiments": experiments,
        "triggers": triggers,
        "skipped_messages": _skipped(SkippedMessages(client).all()),
        "accepted_gaps": list(map(accepted_gap_json, AcceptedGaps(client).all())),
        "failing_jobs": [_failing_job(each) for each in failing],
        "problems": [
            *condition.problems,
            *_worker_problems(workers, orphans),
            *map(_job_problem, failing),
            *([_NO_CONSUMER] if experiments["declared"] and not experiments["consumers"] else []),
            *([_NO_TRIGGERS] if triggers["declared"] and not triggers["services"] else []),
        ],
    }


def _number(client: Any, key: str) -> int:
    return int(client.get(key) or 0)


def _model(baseline: Baseline | None, workers: list[dict[str, Any]], *, drifting: bool) -> dict[str, Any]:
    """Return what the workers say of the model that they use."""
    return {
        "sums_difference": max((worker["sums_difference"] or 0.0 for worker in workers), default=0.0),
        "workers_behind": sum(worker["behind"] for worker in workers),
        "segments_starving": sum(len(worker["starving"]) for worker in workers),
        "drift_alarm": drifting,
        "names": _names(baseline, workers),
    }


def _names(baseline: Baseline | None, workers: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return for which share of each segment's members its name held in the last sweeps, where it claims something."""
    if baseline is None:
        return []
    counts = add_counts(each["names"] for each in workers if each["baseline"] == baseline.baseline)
    shares = [(each, name_share(each, counts.get(each.segment_id, []))) for each in baseline.segments]
    return [
        {"segment_id": each.segment_id, "segment": each.segment, "holds": share}
        for each, share in shares
        if share is not None
    ]


def _skipped(skipped: Skipped) -> dict[str, Any]:
    """Return how many messages of Shoal's own topics were skipped, by topic, and the latest of them."""
    return {
        "count": len(skipped.messages),
        "more": skipped.more,
        "topics": dict(Counter(each.topic for each in skipped.messages)),
        "latest": [
            {**each.model_dump(exclude={"at_ms"}), "at": rfc3339(each.at_ms)} for each in skipped.messages[:_SHOWN]
        ],
    }


def _failing_job(job: FailingJob) -> dict[str, Any]:
    at = {"since": rfc3339(job.since_ms), "at": rfc3339(job.at_ms)}
    return {"job": job.job, **at, "failures": job.failures, "reason": job.reason}


def _job_problem(job: FailingJob) -> str:
    return (
        f"the background job {job.job!r} has failed since {rfc3339(job.since_ms)}, {job.failures} times: {job.reason}"
    )


def alive(client: redis.Redis, kind: str) -> list[dict[str, Any]]:
    """Return the last heartbeats of the processes of a kind that are alive, as JSON values."""
    now_ms = time.time_ns() // 1_000_000
    return [
        beat.model_dump(exclude={"at_ms"}) | {"seconds_ago": max(0.0, round((now_ms - beat.at_ms) / 1000, 1))}
        for beat in WorkerRegistry(client, kind).alive(now_ms)
    ]


def input_ends(kafka: KafkaSettings) -> Offsets:
    """Return where the input topics end; the last message of each partition is read for it. Raises KafkaUnreachable."""
    return end_offsets(kafka, dict.fromkeys(topic for topics in _GROUPS.values() for topic in topics))


def lags(client: redis.Redis, kafka: KafkaSettings, ends: Offsets) -> dict[str, int]:
    """Return how many events are published but not folded (`events`), or not tallied (`tallies`)."""

    def lag(group: str, topics: tuple[str, ...]) -> int:
        names = set(map(kafka.topic, topics))
        mine = {partition: end for partition, end in ends.items() if partition[0] in names}
        return behind(mine, stored_offsets(client, kafka.partitions, group))

    return {
        "events": lag(keys.SEGMENTS_GROUP, SEGMENT_TOPICS),
        "tallies": lag(keys.EXPERIMENTS_GROUP, EXPERIMENT_TOPICS),
    }


def lag_of_groups(client: redis.Redis, kafka: KafkaSettings, ends: Offsets) -> list[dict[str, Any]]:
    """Return how many events (for the triggers: changes) each consumer group has before it, by topic and partition.

    A group that has never run has none.
    """
    found = []
    for group, topics in _GROUPS.items():
        stored = stored_offsets(client, kafka.partitions, group)
        for topic in topics if stored else ():
            mine = sorted((place, end) for place, end in ends.items() if place[0] == kafka.topic(topic))
            found += [
                {"group": group, "topic": topic, "partition": place[1], "events": max(0, end - stored.get(place, 0))}
                for place, end in mine
            ]
    return found


def lag_by_partition(client: redis.Redis, kafka: KafkaSettings, ends: Offsets) -> list[int]:
    """Return how many events are published but not folded, by partition."""
    names = set(map(kafka.topic, SEGMENT_TOPICS))
    stored = stored_offsets(client, kafka.partitions, keys.SEGMENTS_GROUP)
    return [
        behind({each: end for each, end in ends.items() if each[0] in names and each[1] == partition}, stored)
        for partition in range(kafka.partitions)
    ]


def _experiments(client: Any, partitions: int) -> dict[str, Any]:
    return {
        "declared": int(client.scard(keys.EXPERIMENTS)),
        "consumers": alive(client, keys.EXPERIMENT_WORKERS),
        "events": read_outcome_counts(client, partitions, keys.EXPERIMENTS_GROUP),
    }


def _triggers(client: redis.Redis, partitions: int) -> dict[str, Any]:
    names, deliveries = list(TriggerStore(client).stored()), DeliveryStore(client, partitions)
    return {
        "declared": len(names),
        "services": alive(client, keys.TRIGGER_WORKERS),
        "waiting": sum(map(deliveries.pending, names)),
        "dead": deliveries.dead_count(),
    }


def _worker_problems(workers: list[dict[str, Any]], orphans: list[int]) -> list[str]:
    """Return what is wrong with the workers, in words."""
    if not workers:
        return ["no worker is alive; start one with `shoal worker`"]
    problems = [
        f"worker {worker['worker']} has been behind the newest model for {worker['behind_s']:.0f} s; "
        "restart it if this lasts"
        for worker in workers
        if worker["behind"]
    ]
    problems += [
        f"worker {worker['worker']} found the model's sums wrong by {worker['sums_difference']:g}; "
        "this should never be: please report it"
        for worker in workers
        if worker["sums_difference"]
    ]
    if orphans:
        problems.append(f"no worker owns the partitions {orphans}; wait for the rebalance, or start one more")
    return problems
