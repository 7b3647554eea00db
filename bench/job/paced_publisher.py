"""A publisher at a steady rate, in a process of its own, so that what it measures with does not wait for it."""

import gc
import multiprocessing
import time
from dataclasses import dataclass
from itertools import islice
from multiprocessing.connection import Connection

import numpy as np

from bench.job.fixed_job import Orders
from bench.job.servers import load_options
from consumers.broker.batch_producer import BatchProducer
from events.arrays import Floats

__all__ = ["Paced", "PacedPublisher", "Sent"]


_TICK_S = 0.001
_READY_S = 120.0


@dataclass(frozen=True)
class Paced:
    """What to publish, where, and how many a second; `ahead`: encode everything before the start."""

    bootstrap: str
    topic: str
    orders: Orders
    rate: float
    ahead: bool = True


@dataclass(frozen=True)
class Sent:
    """When each order was handed to Kafka's client, in seconds of CLOCK_MONOTONIC, which all processes share."""

    times: Floats
    rate: float
    started: float

    @property
    def achieved(self) -> float:
        """Return the orders a second that were handed over."""
        return float(len(self.times) / max(1e-9, self.times[-1] - self.started)) if len(self.times) else 0.0

    def late_ms(self) -> Floats:
        """Return how much later than at an exact rate each order was handed over (n,)."""
        return np.asarray((self.times - self.started - np.arange(len(self.times)) / self.rate) * 1000)


class PacedPublisher:
    """The process; it ends with the one that started it."""

    def __init__(self, paced: Paced) -> None:
        context = multiprocessing.get_context("spawn")  # librdkafka's threads do not survive a fork
        self._paced = paced
        self._started = 0.0
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_publish, args=(paced, theirs), daemon=True)
        self._process.start()
        theirs.close()
        if not self._pipe.poll(_READY_S):
            raise TimeoutError(f"the publisher was not ready within {_READY_S:g} s")
        self._pipe.recv()

    def start(self, at: float) -> None:
        """Begin at a time of CLOCK_MONOTONIC."""
        self._started = at
        self._pipe.send(at)

    def due(self, now: float) -> int:
        """Return how many orders should have been handed over by now."""
        return int(min(len(self._paced.orders), max(0.0, now - self._started) * self._paced.rate))

    def finish(self, timeout_s: float) -> Sent:
        """Wait for the end and return the times."""
        if not self._pipe.poll(timeout_s):
            raise TimeoutError(f"the publisher had not ended after {timeout_s:g} s")
        times: Floats = self._pipe.recv()
        self._process.join(10)
        return Sent(times, self._paced.rate, self._started)

    def stop(self) -> Sent:
        """End early and return the times of what was published."""
        self._pipe.send(None)
        return self.finish(60)

    def close(self) -> None:
        """End the process in whatever state it is."""
        if self._process.is_alive():
            self._process.terminate()
            self._process.join(10)


def _publish(paced: Paced, pipe: "Connection[object, float]") -> None:
    """Publish in ticks of a millisecond until everything is out, or until something comes through the pipe."""
    producer = BatchProducer(load_options(paced.bootstrap))
    messages = list(paced.orders.messages()) if paced.ahead else paced.orders.messages()
    gc.freeze()
    source, total = iter(messages), len(paced.orders)
    times = np.zeros(total)
    pipe.send("ready")
    started = float(pipe.recv())
    time.sleep(max(0.0, started - time.monotonic()))
    i = 0
    while i < total and not pipe.poll():
        due = min(total, int((time.monotonic() - started) * paced.rate))
        if due > i:
            names, values = zip(*islice(source, due - i), strict=True)
            times[i:due] = time.monotonic()
            producer.send_all(paced.topic, list(names), list(values))
            i = due
        time.sleep(_TICK_S)
    producer.flush(_READY_S)
    pipe.send(times[:i])
