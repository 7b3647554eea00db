"""Latency: from an order's publication to its segment change being read by a consumer."""

import threading
import time
from datetime import UTC, datetime
from typing import NamedTuple

import numpy as np
from confluent_kafka import Consumer, TopicPartition

from bench.job import PARTITIONS
from bench.stage import Run, Stage, wait_for
from events.changes import decode_change

__all__ = ["Latency", "measure_latency"]


class Latency(NamedTuple):
    """Milliseconds at a rate, over the orders that caused a change, and how many those were."""

    rate: int
    p50_ms: float
    p99_ms: float
    p999_ms: float
    changes: int


def measure_latency(on: Stage, rate: int, seconds: float = 8.0) -> Latency:
    """Publish orders of new customers, each of which causes a change; the first quarter warms up."""
    run = on.new_run()
    try:
        run.start_worker()
        wait_for(lambda: _owns_all(run), 60, 0.05)
        stop, heard = threading.Event(), dict[str, float]()
        listener = threading.Thread(target=_listen, args=(run, stop, heard), daemon=True)
        listener.start()
        sent = _publish(run, rate, seconds)
        wait_for(lambda: len(heard) >= len(sent), 60, 0.05)
        stop.set()
        listener.join()
        counted = list(sent)[len(sent) // 4 :]
        delays = np.array([heard[name] - sent[name] for name in counted]) * 1000
        p50, p99, p999 = np.percentile(delays, [50, 99, 99.9]).tolist()
        return Latency(rate, p50, p99, p999, len(delays))
    finally:
        run.close()


def _owns_all(run: Run) -> bool:
    beats = run.redis.hvals("workers")
    return any(b'"partitions":[0,1,2,3]' in beat for beat in beats)


def _publish(run: Run, rate: int, seconds: float) -> dict[str, float]:
    """Publish at a steady rate, in ticks of 2 ms, and return when each customer's order was handed over."""
    producer, topic = run.producer(), run.kafka.topic("orders")
    sent: dict[str, float] = {}
    at = datetime.now(UTC).isoformat()
    started, i = time.monotonic(), 0
    while i < rate * seconds:
        due = int((time.monotonic() - started) * rate)
        while i < min(due, int(rate * seconds)):
            name = f"n{i:07d}"
            value = (
                f'{{"event_id":"{name}","customer_id":"{name}","order_id":"{name}","amount":12.5,'
                f'"currency":"EUR","occurred_at":"{at}"}}'
            )
            sent[name] = time.monotonic()
            producer.produce(topic, value, name)
            i += 1
        producer.poll(0)
        time.sleep(0.002)
    producer.flush()
    return sent


def _listen(run: Run, stop: threading.Event, heard: dict[str, float]) -> None:
    """Read `segment-changes` and note when each customer's first change arrived."""
    consumer = Consumer(
        {
            "bootstrap.servers": run.kafka.kafka,
            "group.id": run.kafka.topic("bench"),
            "enable.auto.commit": False,
            "fetch.wait.max.ms": 5,
            "fetch.queue.backoff.ms": 2,
        }
    )
    topic = run.kafka.topic("segment-changes")
    consumer.assign([TopicPartition(topic, partition, 0) for partition in range(PARTITIONS)])
    while not stop.is_set():
        messages = consumer.consume(1_000, 0.002)
        now = time.monotonic()
        for message in messages:
            value = message.value()
            if value is not None and message.error() is None:
                heard.setdefault(decode_change(value).customer_id, now)
    consumer.close()
