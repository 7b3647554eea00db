"""What a benchmark runs on: Apache Kafka and Redis of its own, topics with a prefix, a worker process."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from confluent_kafka import Producer

from bench.job import BASELINE, PARTITIONS
from cli.embedded import ChildProcess, start_apache_kafka, start_redis
from events.settings import KafkaSettings
from events.topic_admin import create_topics
from events.topics import topic_specs
from state import keys
from state.baselines import BaselineStore
from state.connection import connect

__all__ = ["Run", "Stage", "stage", "wait_for"]

_TICKS = os.sysconf("SC_CLK_TCK")


class Stage:
    """Brokers that several runs share."""

    def __init__(self, bootstrap: str, redis_url: str, directory: Path) -> None:
        self.bootstrap, self.redis_url, self.directory = bootstrap, redis_url, directory
        self._runs = 0

    def new_run(self) -> "Run":
        """Return a run with topics of its own on an emptied Redis, the fixed baseline in place."""
        self._runs += 1
        return Run(self, f"run{self._runs}-")


class Run:
    """One measured run: its topics, its Redis, its worker."""

    def __init__(self, on: Stage, prefix: str) -> None:
        self.stage = on
        self.kafka = KafkaSettings(kafka=on.bootstrap, topic_prefix=prefix, partitions=PARTITIONS)
        create_topics(on.bootstrap, topic_specs(self.kafka))
        self.redis = connect(on.redis_url)
        self.redis.flushall()
        BaselineStore(self.redis).approve(BASELINE)
        self.worker: ChildProcess | None = None

    def producer(self) -> Producer:
        """Return a producer that keys as Kafka's Java client does."""
        return Producer(
            {
                "bootstrap.servers": self.kafka.kafka,
                "partitioner": "murmur2_random",
                "linger.ms": 1,
                "queue.buffering.max.messages": 1_000_000,
            }
        )

    def load(self, messages: Iterable[tuple[str, bytes]]) -> None:
        """Publish orders before the worker starts."""
        producer, topic = self.producer(), self.kafka.topic("orders")
        for i, (key, value) in enumerate(messages):
            producer.produce(topic, value, key)
            if i % 10_000 == 0:
                producer.poll(0)
        producer.flush()

    def start_worker(self) -> ChildProcess:
        """Start `shoal worker`."""
        environment = {
            **os.environ,
            "SHOAL_KAFKA": self.kafka.kafka,
            "SHOAL_REDIS": self.stage.redis_url,
            "SHOAL_TOPIC_PREFIX": self.kafka.topic_prefix,
            "SHOAL_PARTITIONS": str(PARTITIONS),
        }
        command = [sys.executable, "-P", "-m", "cli.main", "worker"]
        log = self.stage.directory / f"{self.kafka.topic_prefix}worker.log"
        self.worker = ChildProcess("shoal worker", command, log=log, env=environment)
        self.worker.spawn()
        return self.worker

    def processed(self) -> int:
        """Return how many orders are saved."""
        with self.redis.pipeline(transaction=False) as pipe:
            for partition in range(PARTITIONS):
                pipe.hget(keys.offsets(partition, keys.SEGMENTS_GROUP), self.kafka.topic("orders"))
            return sum(int(value or 0) for value in pipe.execute())

    def unsent(self) -> int:
        """Return how many changes are in the outboxes."""
        with self.redis.pipeline(transaction=False) as pipe:
            for partition in range(PARTITIONS):
                pipe.llen(keys.outbox(partition))
            return sum(pipe.execute())

    def cpu_s(self) -> float:
        """Return the processor seconds (user and system) that the worker has used."""
        assert self.worker is not None  # noqa: S101 - for the type checker
        fields = Path(f"/proc/{self.worker.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    def peak_mb(self) -> float:
        """Return the worker's peak resident memory."""
        assert self.worker is not None  # noqa: S101 - for the type checker
        status = Path(f"/proc/{self.worker.pid}/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) / 1024

    def redis_cpu_s(self) -> float:
        """Return the processor seconds that Redis has used."""
        info = self.redis.info("cpu")
        return float(info["used_cpu_user"]) + float(info["used_cpu_sys"])

    def close(self) -> None:
        """End the worker."""
        if self.worker is not None:
            self.worker.stop()
        self.redis.close()


@contextmanager
def stage() -> Iterator[Stage]:
    """Start Apache Kafka and Redis in a folder that is removed afterwards; needs Java and Maven."""
    script = Path(__file__).parent.parent / "deploy/kafka/classpath.sh"
    classpath = subprocess.run(["bash", str(script)], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
    with ExitStack() as stack:
        directory = Path(stack.enter_context(TemporaryDirectory(prefix="shoal-bench-")))
        kafka = stack.enter_context(start_apache_kafka(directory / "kafka", classpath=classpath))
        store = stack.enter_context(start_redis(directory / "redis"))
        yield Stage(kafka.bootstrap, store.url, directory)


def wait_for(done: Callable[[], object], timeout_s: float, pause_s: float = 0.01) -> None:
    """Wait for a condition, at most `timeout_s`. Raises TimeoutError."""
    deadline = time.monotonic() + timeout_s
    while not done():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {timeout_s:g} s")
        time.sleep(pause_s)
