"""Wait until everything that was published so far has been processed."""

import time

import redis

from cli.local.service_addresses import kafka_settings, state_settings
from cli.printing.output import errors
from events.base_error import ShoalError
from events.settings import KafkaSettings
from events.topics.specs import EXPERIMENT_TOPICS, SEGMENT_TOPICS, merges_topic
from state.partitions.watermarks_and_outcomes import read_outcome_counts
from state.partitions.worker_heartbeats import WorkerRegistry
from state.store import keys

__all__ = ["NotProcessed", "NotSettled", "wait_until_processed", "wait_until_settled"]


class NotProcessed(ShoalError):
    """The time was up before everything was processed."""

    retriable = True

    @classmethod
    def after(cls, seconds: float, missing: int, total: int, unsent: int) -> "NotProcessed":
        """Return it with what is missing: of `total` events, and of the changes that go out."""
        return cls(
            f"after {seconds:g} s, {missing:,} of {total:,} events are not processed and {unsent:,} changes "
            "not sent. Is a worker running, and `shoal experiments`? Look with `shoal health`."
        )


class NotSettled(ShoalError):
    """The time was up before segments had settled."""

    retriable = True


def wait_until_settled(kafka: str | None, redis_url: str | None, timeout_s: float) -> None:
    """Wait, after everything was processed, until everybody was swept under a model that has stopped moving.

    Raises NotSettled, RedisUnreachable.
    """
    from queries.operations.settling import Settling
    from state.store.connection import connect

    settling = Settling(connect(state_settings(redis_url).redis), kafka_settings(kafka).partitions)
    deadline = time.monotonic() + timeout_s
    with errors().status("segments settle"):
        while not settling.reached():
            if time.monotonic() > deadline:
                raise NotSettled(
                    f"everything is processed, but segments had not settled in time: {settling.missing}. Sweeps come "
                    "every SHOAL_SWEEP_S seconds; wait for longer with --timeout"
                )
            time.sleep(0.1)


def wait_until_processed(kafka: str | None, redis_url: str | None, timeout_s: float) -> int:
    """Wait for the stored offsets to reach the topics' present ends; return the number of events processed in all.

    Raises NotProcessed, Discontinuity, TopicsMisconfigured, KafkaUnreachable, RedisUnreachable.
    """
    from rich.progress import Progress

    from consumers.broker.consumer_lag import end_offsets, unsent_changes
    from consumers.continuity.continuity_check import require_continuity
    from events.topics.permissions import Needs
    from events.topics.required_topics import require_topics
    from state.store.connection import connect

    address, client = kafka_settings(kafka), connect(state_settings(redis_url).redis)
    deadline = time.monotonic() + timeout_s
    internal = {address.topic(merges_topic(group)) for group in (keys.SEGMENTS_GROUP, keys.EXPERIMENTS_GROUP)}
    groups = _groups(client)
    topics = sorted({topic for each in groups.values() for topic in each})
    require_topics(address, topics, Needs(tuple(topics)))
    require_continuity(client, address)
    ends = end_offsets(address, topics)
    republished = _republished(client, address.partitions)
    total = sum(ends.values())
    with Progress(console=errors(), transient=True) as progress:
        bar = progress.add_task("processing", total=total)
        while True:
            missing = _unprocessed(client, address, groups, ends)
            unsent = unsent_changes(client, address.partitions)
            progress.update(bar, completed=total - missing)
            if not missing and not unsent:
                if (now := _republished(client, address.partitions)) == republished:
                    require_continuity(client, address)
                    return sum(end for (topic, _), end in ends.items() if topic not in internal)
                republished = now  # events were published anew, to their right partitions
                ends = end_offsets(address, topics)
                total = sum(ends.values())
            if time.monotonic() > deadline:
                raise NotProcessed.after(timeout_s, missing, total, unsent)
            time.sleep(0.05)


def _unprocessed(
    client: redis.Redis,
    address: KafkaSettings,
    groups: dict[str, tuple[str, ...]],
    ends: dict[tuple[str, int], int],
) -> int:
    """Count the events that some group has not processed; of two groups that both have to, the slower counts."""
    from consumers.broker.consumer_lag import behind, stored_offsets

    left: dict[str, int] = {}
    for group, topics in groups.items():
        stored = stored_offsets(client, address.partitions, group)
        for name in map(address.topic, topics):
            mine = behind({place: end for place, end in ends.items() if place[0] == name}, stored)
            left[name] = max(left.get(name, 0), mine)
    return sum(left.values())


def _groups(client: redis.Redis) -> dict[str, tuple[str, ...]]:
    """Return who has to process which topics: the experiment consumer where one runs or experiments are declared."""
    groups: dict[str, tuple[str, ...]] = {keys.SEGMENTS_GROUP: SEGMENT_TOPICS}
    running = WorkerRegistry(client, keys.EXPERIMENT_WORKERS).alive(time.time_ns() // 1_000_000)
    return groups | ({keys.EXPERIMENTS_GROUP: EXPERIMENT_TOPICS} if running or client.scard(keys.EXPERIMENTS) else {})


def _republished(client: redis.Redis, partitions: int) -> dict[str, int]:
    """Return the counts that change when events go to another partition, or merged customers do."""
    groups = (keys.SEGMENTS_GROUP, keys.EXPERIMENTS_GROUP)
    outcome_counts = [item for group in groups for item in read_outcome_counts(client, partitions, group).items()]
    topics, outcomes = ("identities", *map(merges_topic, groups)), ("rerouted", "merged")
    return {
        name: count
        for name, count in outcome_counts
        if name.rpartition(":")[0] in topics or name.rpartition(":")[2] in outcomes
    }
