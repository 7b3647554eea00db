"""Lanes: threads that fold and save one micro-batch while the next is fetched and decoded.

A lane spends most of its time waiting for Redis and Kafka, and numpy and the sockets let the interpreter go meanwhile.
A partition always takes the same lane, so its batches are saved in their order.
"""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Generic, TypeVar

__all__ = ["Lanes"]

Job = TypeVar("Job")


class Lanes(Generic[Job]):
    """Carries out jobs, at most one at a time of each partition; `work` gets the lane's number and the job."""

    def __init__(self, count: int, work: Callable[[int, Job], None]) -> None:
        self._pools = [ThreadPoolExecutor(1, f"lane-{lane}") for lane in range(count)]
        self._work = work
        self._running: list[tuple[int, Job, Future[None]]] = []

    @property
    def busy(self) -> bool:
        """Whether a job is still running."""
        return any(not future.done() for _, _, future in self._running)

    def submit(self, partition: int, job: Job) -> None:
        """Begin a job; all jobs before it have to be settled or of other partitions."""
        lane = partition % len(self._pools)
        self._running.append((partition, job, self._pools[lane].submit(self._work, lane, job)))

    def settle(self) -> list[tuple[int, Job, BaseException | None]]:
        """Wait for all jobs, and return each with its partition and its failure, None where it went well."""
        wait([future for _, _, future in self._running])
        settled, self._running = self._running, []
        return [(partition, job, future.exception()) for partition, job, future in settled]

    def close(self) -> None:
        """End the threads."""
        for pool in self._pools:
            pool.shutdown()
