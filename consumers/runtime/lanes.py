"""Lanes: threads that fold and save micro-batches while the next are fetched and decoded.

A lane spends much of its time waiting for Redis and Kafka, and numpy and the sockets let the interpreter go meanwhile.
"""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Generic, NamedTuple, TypeVar

__all__ = ["FinishedJob", "Lanes"]

Job = TypeVar("Job")


class FinishedJob(NamedTuple, Generic[Job]):
    """A job that has ended; `failure` is None where it went well."""

    job: Job
    failure: BaseException | None


class _Cancelled(Exception):
    """A job before this one, in the same lane, has failed: this one must not be carried out."""


class Lanes(Generic[Job]):
    """Carries out jobs, those of a lane one after the other; `work` gets the lane's number and the job."""

    def __init__(self, count: int, work: Callable[[int, Job], None]) -> None:
        self._pools = [ThreadPoolExecutor(1, f"lane-{lane}") for lane in range(count)]
        self._work = work
        self._running: list[tuple[Job, Future[None]]] = []
        self._failed: set[int] = set()

    def __len__(self) -> int:
        return len(self._pools)

    @property
    def jobs(self) -> list[Job]:
        """The jobs that have not been joined, in the order in which they were submitted."""
        return [job for job, _ in self._running]

    def wait(self, timeout_s: float, leave: int = 0) -> bool:
        """Wait until no job is running but perhaps the last `leave`, at most for so long; return whether that is so."""
        upto = max(len(self._running) - leave, 0)
        running = [future for _, future in self._running[:upto] if not future.done()]
        return not running or not wait(running, timeout_s).not_done

    def submit(self, lane: int, job: Job) -> None:
        """Begin a job, or queue it behind those of its lane."""
        self._running.append((job, self._pools[lane].submit(self._carry_out, lane, job)))

    def join(self, leave: int = 0) -> list[FinishedJob[Job]]:
        """Wait for all jobs but the last `leave`, and return how they ended.

        After a failure, what was queued in the same lane is cancelled, and not returned, until all are joined.
        """
        upto = max(len(self._running) - leave, 0)
        ended, self._running = self._running[:upto], self._running[upto:]
        wait([future for _, future in ended])
        if not self._running:
            self._failed.clear()
        finished = [FinishedJob(job, future.exception()) for job, future in ended]
        return [each for each in finished if not isinstance(each.failure, _Cancelled)]

    def close(self) -> None:
        """End the threads."""
        for pool in self._pools:
            pool.shutdown()

    def _carry_out(self, lane: int, job: Job) -> None:
        if lane in self._failed:
            raise _Cancelled
        try:
            self._work(lane, job)
        except BaseException:
            self._failed.add(lane)
            raise
