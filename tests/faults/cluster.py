"""Apache Kafka, Redis, every service of Shoal and a receiver of webhooks, which a fault may kill and start again."""

import secrets
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import redis as redis_py

from cli.local.embedded import ChildProcess, KafkaBroker, RedisServer, start_apache_kafka, start_redis
from consumers.broker.consumer_lag import behind, end_offsets, stored_offsets, unsent_changes
from events.topics.specs import EXPERIMENT_TOPICS, SEGMENT_TOPICS
from state.campaigns.deliveries import DeliveryStore
from state.store import keys
from stream.campaigns.webhook_request import new_secret
from tests.brokers import apache_classpath
from tests.service import Service
from tests.stream.campaigns.receiver import Receiver

SMALL = {"SHOAL_BATCH_EVENTS": "2000"}
TRIGGER = "watch"
CAUSES = ("activity", "time", "model", "baseline", "correction")
GROUPS = {keys.SEGMENTS_GROUP: SEGMENT_TOPICS, keys.EXPERIMENTS_GROUP: EXPERIMENT_TOPICS}
START = {"worker": 2, "experiments": 2, "triggers": 1, "api": 1}


class Cluster:
    """A deployment whose processes are started again when they have ended, as an operator's supervisor does."""

    def __init__(self, service: Service, kafka: KafkaBroker, server: RedisServer, receiver: Receiver) -> None:
        self.service, self.kafka, self.server, self.receiver = service, kafka, server, receiver
        self.wanted = dict(START)
        self.running: dict[str, list[ChildProcess]] = {name: [] for name in START}
        self.restarts: list[str] = []

    def supervise(self) -> None:
        """Start what is missing of each service, and stop what is too many."""
        for name, wanted in self.wanted.items():
            alive = [each for each in self.running[name] if each.running]
            self.restarts += [each.service for each in self.running[name] if not each.running]
            while len(alive) > wanted:
                alive.pop().stop(60)
            while len(alive) < wanted:
                settings = SMALL if name in {"worker", "experiments"} else {}
                alive.append(self.service.spawn(name, *(["--port", "0"] if name == "api" else []), **settings))
            self.running[name] = alive

    def wait_for(self, done: Any, seconds: float, what: str) -> None:
        """Supervise until something is so. Raises AssertionError with the logs' ends."""
        deadline = time.monotonic() + seconds
        while True:
            self.supervise()
            try:
                if done():
                    return
            except (redis_py.RedisError, OSError):
                pass  # a fault is not over yet
            if time.monotonic() > deadline:
                self.service.until(lambda: False, 0.1, f"{what}, after {seconds:.0f} s")
            time.sleep(0.1)

    def progress(self) -> int:
        """Return how many events both groups have processed."""
        partitions = self.service.kafka.partitions
        return sum(sum(stored_offsets(self.service.redis, partitions, group).values()) for group in GROUPS)

    def until_processed(self, seconds: float) -> dict[tuple[str, int], int]:
        """Wait until all is processed, sent and delivered, and stays so; return the ends of the topics."""
        topics = sorted({topic for each in GROUPS.values() for topic in each} | {"segment-changes"})
        while True:
            ends = end_offsets(self.service.kafka, topics)
            self.wait_for(partial(self._is_processed, ends), seconds, "everything is processed and delivered")
            if end_offsets(self.service.kafka, topics) == ends:
                return ends

    def _is_processed(self, ends: dict[tuple[str, int], int]) -> bool:
        client, kafka = self.service.redis, self.service.kafka
        for group, topics in GROUPS.items():
            names = set(map(kafka.topic, topics))
            mine = {place: end for place, end in ends.items() if place[0] in names}
            if behind(mine, stored_offsets(client, kafka.partitions, group)):
                return False
        changes = {place: end for place, end in ends.items() if place[0] == kafka.topic("segment-changes")}
        return not (
            behind(changes, stored_offsets(client, kafka.partitions, keys.TRIGGERS_GROUP))
            or unsent_changes(client, kafka.partitions)
            or DeliveryStore(client, kafka.partitions).pending(TRIGGER)
        )


@contextmanager
def running_cluster(directory: Path) -> Iterator[Cluster]:
    """Start Kafka, Redis and the receiver; the services are started by `supervise`."""
    with ExitStack() as stack:
        kafka = stack.enter_context(start_apache_kafka(directory / "kafka", classpath=apache_classpath()))
        server = stack.enter_context(start_redis(directory / "redis", appendonly=True))
        receiver = stack.enter_context(Receiver(new_secret()))
        service = Service(kafka.bootstrap, server.url, f"f{secrets.token_hex(3)}-", directory)
        stack.callback(service.close)
        yield Cluster(service, kafka, server, receiver)
