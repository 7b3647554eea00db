"""What a benchmark runs on: Apache Kafka and Redis of its own, topics with a prefix, worker processes."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from confluent_kafka import Producer

from bench.job.fixed_job import BASELINE, PARTITIONS
from cli.local.embedded import ChildProcess, start_apache_kafka, start_redis
from cli.local.embedded.apache_kafka import SERVER_JVM
from consumers.broker.consumer_lag import unsent_changes
from events.schema.outputs import Baseline
from events.settings import KafkaSettings
from events.topics.administration import create_topics
from events.topics.specs import topic_specs
from state.model.baselines import BaselineStore
from state.partitions.worker_heartbeats import WorkerHeartbeat, WorkerRegistry
from state.store import keys
from state.store.connection import connect

__all__ = ["BenchServers", "Run", "load_options", "start_servers", "wait_for"]

_TICKS = os.sysconf("SC_CLK_TCK")
_LOGGED_PROBLEM = re.compile(r"\b(WARNING|ERROR|CRITICAL)\b|^Traceback")


class BenchServers:
    """Brokers that several `runs` share, and the warnings and errors that workers have logged on them."""

    def __init__(self, bootstrap: str, redis_url: str, directory: Path) -> None:
        self.bootstrap, self.redis_url, self.directory = bootstrap, redis_url, directory
        self.logged_problems: list[str] = []
        self.runs = 0

    def new_run(self, baseline: Baseline = BASELINE) -> "Run":
        """Return a run with topics of its own on an emptied Redis, the baseline in place."""
        self.runs += 1
        return Run(self, f"run{self.runs}-", baseline)


class Run:
    """One measured run: its topics, its Redis, its workers."""

    def __init__(self, servers: BenchServers, prefix: str, baseline: Baseline = BASELINE) -> None:
        self.servers, self.baseline = servers, baseline
        self.kafka = KafkaSettings(kafka=servers.bootstrap, topic_prefix=prefix, partitions=PARTITIONS)
        create_topics(servers.bootstrap, topic_specs(self.kafka))
        self.redis: Any = connect(servers.redis_url, timeout_s=60.0)
        self.redis.flushall()
        BaselineStore(self.redis).approve(baseline)
        self.workers: list[ChildProcess] = []
        self._started = 0

    def producer(self) -> Producer:
        """Return a producer that keys as Kafka's Java client does."""
        return Producer(load_options(self.kafka.kafka))

    def load(self, messages: Iterable[tuple[str, bytes]], topic: str = "orders") -> None:
        """Publish (customer_id, JSON) pairs as fast as it goes."""
        producer, full_name = self.producer(), self.kafka.topic(topic)
        for i, (key, value) in enumerate(messages):
            producer.produce(full_name, value, key)
            if i % 10_000 == 0:
                _drain_queue(producer)
        producer.flush()

    def start_worker(self, **settings: object) -> ChildProcess:
        """Start `shoal worker`, with settings by their names (`sweep_s=0.1`)."""
        return self.start_service("worker", settings)

    def start_service(self, service: str, settings: Mapping[str, object]) -> ChildProcess:
        """Start `shoal worker`, or another service that takes part in the run."""
        environment = {
            **os.environ,
            "SHOAL_KAFKA": self.kafka.kafka,
            "SHOAL_REDIS": self.servers.redis_url,
            "SHOAL_TOPIC_PREFIX": self.kafka.topic_prefix,
            "SHOAL_PARTITIONS": str(PARTITIONS),
            **{f"SHOAL_{name.upper()}": str(value) for name, value in settings.items()},
        }
        self._started += 1
        log = self.servers.directory / f"{self.kafka.topic_prefix}worker{self._started}.log"
        command = [sys.executable, "-P", "-m", "cli.main", service]
        worker = ChildProcess(f"shoal {service}", command, log=log, env=environment)
        worker.spawn()
        self.workers.append(worker)
        return worker

    def owns_all(self, workers: int = 1) -> bool:
        """Return whether this many live workers have said that they own all partitions, each at least one."""
        beats = self.beats()
        owned = sorted(partition for beat in beats for partition in beat.partitions)
        return len(beats) == workers and owned == list(range(PARTITIONS)) and all(beat.partitions for beat in beats)

    def beats(self) -> list[WorkerHeartbeat]:
        """Return what the workers last said of themselves."""
        return WorkerRegistry(self.redis).beats(time.time_ns() // 1_000_000)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Hold the workers still, so that a topic can be loaded after they have joined; sessions must last longer."""
        for worker in self.workers:
            os.kill(worker.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for worker in self.workers:
                os.kill(worker.pid, signal.SIGCONT)

    def processed(self) -> int:
        """Return how many events of all topics are saved."""
        with self.redis.pipeline(transaction=False) as pipe:
            for partition in range(PARTITIONS):
                pipe.hvals(keys.offsets(partition, keys.SEGMENTS_GROUP))
            return sum(int(value) for offsets in pipe.execute() for value in offsets)

    def unsent(self) -> int:
        """Return how many changes are in the outboxes."""
        return unsent_changes(self.redis, PARTITIONS)

    def cpu_s(self) -> float:
        """Return the processor seconds (user and system) that the running workers have used."""
        return sum(_cpu_ticks(worker.pid) for worker in self.workers) / _TICKS

    def peak_mb(self) -> float:
        """Return the peak resident memory of the worker that took most."""
        statuses = [Path(f"/proc/{worker.pid}/status").read_text() for worker in self.workers]
        return max(int(status.split("VmHWM:")[1].split()[0]) for status in statuses) / 1024

    def redis_cpu_s(self) -> float:
        """Return the processor seconds that Redis has used."""
        info = self.redis.info("cpu")
        return float(info["used_cpu_user"]) + float(info["used_cpu_sys"])

    def stop_workers(self) -> None:
        """End the workers in good order."""
        while self.workers:
            self.workers.pop().stop()

    def close(self) -> None:
        """End the workers and close Redis."""
        self.stop_workers()
        self.servers.logged_problems += self._logged_problems()
        self.redis.close()

    def _logged_problems(self) -> list[str]:
        logs = self.servers.directory.glob(f"{self.kafka.topic_prefix}worker*.log")
        lines = [line for log in sorted(logs) for line in log.read_text(errors="replace").splitlines()]
        return [line for line in lines if _LOGGED_PROBLEM.search(line)]


@contextmanager
def start_servers() -> Iterator[BenchServers]:
    """Start Apache Kafka and Redis in a folder that is removed afterwards; needs Java and Maven."""
    script = Path(__file__).parents[2] / "deploy/kafka/classpath.sh"
    classpath = subprocess.run(["bash", str(script)], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
    with ExitStack() as stack:
        stack.callback(signal.signal, signal.SIGTERM, signal.signal(signal.SIGTERM, _end))
        directory = Path(stack.enter_context(TemporaryDirectory(prefix="shoal-bench-")))
        kafka = stack.enter_context(start_apache_kafka(directory / "kafka", classpath=classpath, jvm=SERVER_JVM))
        store = stack.enter_context(start_redis(directory / "redis"))
        _warm_up_broker(kafka.bootstrap)
        yield BenchServers(kafka.bootstrap, store.url, directory)


def load_options(bootstrap: str) -> dict[str, Any]:
    """Return a producer of load: keys as Kafka's Java client does, and waits for a fuller batch as Shoal's client does.

    5 ms, which is also the default of librdkafka and of Kafka 4's own producer.
    """
    return {
        "bootstrap.servers": bootstrap,
        "partitioner": "murmur2_random",
        "linger.ms": 5,
        "queue.buffering.max.messages": 1_000_000,
    }


def wait_for(done: Callable[[], object], timeout_s: float, pause_s: float = 0.01) -> None:
    """Wait for a condition, at most `timeout_s`. Raises TimeoutError."""
    deadline = time.monotonic() + timeout_s
    while not done():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {timeout_s:g} s")
        time.sleep(pause_s)


def _end(*_signal: object) -> None:
    raise SystemExit("ended by SIGTERM")  # so that the folder and the brokers do not stay


def _warm_up_broker(bootstrap: str) -> None:
    """Have a new broker load what idempotent producers need; the first one waits for that, the second does not."""
    settings = KafkaSettings(kafka=bootstrap, topic_prefix="wake-up-", partitions=1)
    create_topics(bootstrap, topic_specs(settings))
    producer = Producer({"bootstrap.servers": bootstrap, "enable.idempotence": True, "log_level": 0})
    producer.produce(settings.topic("models"), b"{}")
    producer.flush(60)


def _drain_queue(producer: Producer) -> None:
    producer.poll(0)
    while len(producer) > 500_000:
        producer.poll(0.05)


def _cpu_ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])
