"""What every peer's job program shares: what it is told, the features, and the nearest centroid."""

import json
import os
import sys
import threading
from math import log1p
from pathlib import Path
from typing import NamedTuple

__all__ = ["Job", "Segmenter", "read_job"]

DAY_MS = 86_400_000.0


class Job(NamedTuple):
    """What a job program is told.

    `orders` and `changes` are topics; the end state of customer C belongs under the key `customers` + C; the number of
    orders whose effects are in Redis and in Kafka belongs under the key `progress`. `directory` is an empty folder.
    """

    variant: str
    bootstrap: str
    redis_host: str
    redis_port: int
    orders: str
    changes: str
    group: str
    partitions: int
    events: int
    deadline_s: float
    customers: str
    progress: str
    directory: str
    jars: str
    now_ms: int
    center: list[float]
    scale: list[float]
    centroids: list[list[float]]
    segments: list[str]


def read_job() -> Job:
    """Return the job whose JSON file is the program's argument; the program ends when its deadline has passed."""
    job = Job(**json.loads(Path(sys.argv[1]).read_text()))
    timer = threading.Timer(job.deadline_s, os._exit, [3])
    timer.daemon = True
    timer.start()
    return job


class Segmenter:
    """Nearest centroid in log recency, log frequency and log monetary value at a fixed time, standardised."""

    def __init__(self, job: Job) -> None:
        self.now_ms = job.now_ms
        self.segments = job.segments
        self._center = job.center
        self._scale = job.scale
        self._centroids = [(*centroid,) for centroid in job.centroids]

    def vector(self, count: int, cents: int, last_ms: int) -> tuple[float, float, float]:
        """Return a customer's standardised features."""
        (c0, c1, c2), (s0, s1, s2) = self._center, self._scale
        return (
            (log1p(max(self.now_ms - last_ms, 0) / DAY_MS) - c0) / s0,
            (log1p(count) - c1) / s1,
            (log1p(cents / 100) - c2) / s2,
        )

    def segment(self, count: int, cents: int, last_ms: int) -> str:
        """Return the id of a customer's segment."""
        x, y, z = self.vector(count, cents, last_ms)
        distances = [(x - a) ** 2 + (y - b) ** 2 + (z - c) ** 2 for a, b, c in self._centroids]
        return self.segments[distances.index(min(distances))]
