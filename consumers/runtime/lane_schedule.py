"""Which lane does which job, and when: batches in the order of their partition, background work between them."""

import time
from collections.abc import Callable, Collection, Sequence

from consumers.runtime.lane_processing import BatchJob, Job, OwnedBatch
from consumers.runtime.lanes import FinishedJob, Lanes
from consumers.runtime.work_between_batches import BackgroundJob, BackgroundWork
from state.partitions.partition_fence import OwnedPartition

__all__ = ["LaneSchedule", "fit_one_lane", "owned_by"]

_ONE_LANE = 4_000
"""Events up to which all partitions of a micro-batch are one job: most of its cost is the same for one as for all."""
_WORTH_QUEUEING = 5_000
"""Events from which a micro-batch is decoded while the one before it is being saved."""


class LaneSchedule:
    """Submits jobs to lanes, so that a partition keeps its lane and its batches are saved in their order.

    With `one_lane` all batches of a micro-batch are one job of the first lane; it may be changed only while the lanes
    are idle. What was submitted since the last micro-batch began is the newest; the others are the earlier.
    """

    def __init__(self, lanes: Lanes[Job], clock: Callable[[], float] = time.monotonic) -> None:
        self._lanes, self._clock = lanes, clock
        self.one_lane = False
        self._newest = self._background_jobs = 0
        self._background_from = 0.0

    def has_room(self, events: int, timeout_s: float) -> bool:
        """Wait, at most for so long, until a batch of so many events can be made use of; return whether it can.

        It can when nothing is being saved; a larger one also while one other batch is, since decoding it takes a while.
        """
        return self._lanes.wait(timeout_s, leave=self._newest if events >= _WORTH_QUEUEING else 0)

    def in_flight(self) -> set[int]:
        """Return the partitions that are just being saved."""
        return {each.partition for job in self._lanes.jobs for each in owned_by(job)}

    def submit(self, batches: Sequence[OwnedBatch]) -> None:
        """Queue a micro-batch behind what is in the lanes; from now on it is the newest."""
        jobs: dict[int, BatchJob] = {}
        for each in batches:
            jobs.setdefault(self._lane(each.batch.partition), []).append(each)
        for lane, job in jobs.items():
            self._lanes.submit(lane, job)
        self._newest = len(jobs)

    def submit_background(self, work: BackgroundWork, owned: Collection[OwnedPartition]) -> None:
        """Queue a piece of background work behind the batches of a lane, another lane's the next time.

        One piece at a time, and nothing is asked of it meanwhile, so that it need not mind other threads.
        """
        if any(isinstance(job, BackgroundJob) for job in self._lanes.jobs):
            return
        share = work.due(owned)
        if not share or self._clock() < self._background_from:
            return
        lane = self._background_jobs % len(self._lanes)
        self._background_jobs += 1
        mine = [each for each in owned if self._lane(each.partition) == lane]
        if mine:
            self._lanes.submit(lane, BackgroundJob(work, mine, share, self._clock))
            self._newest += 1

    def join_earlier(self) -> list[FinishedJob[Job]]:
        """Wait for all jobs but those of the newest micro-batch, and return how they ended."""
        return self._joined(self._newest)

    def join(self) -> list[FinishedJob[Job]]:
        """Wait for all jobs, and return how they ended."""
        return self._joined(0)

    def close(self) -> None:
        """End the lanes."""
        self._lanes.close()

    def _joined(self, leave: int) -> list[FinishedJob[Job]]:
        finished = self._lanes.join(leave)
        for job, _ in finished:
            if isinstance(job, BackgroundJob):
                self._background_from = self._clock() + job.pause_s
        return finished

    def _lane(self, partition: int) -> int:
        return 0 if self.one_lane else partition % len(self._lanes)


def fit_one_lane(batches: Sequence[OwnedBatch]) -> bool:
    """Return whether a micro-batch is so small that all of it should be one job."""
    return sum(each.batch.event_count for each in batches) <= _ONE_LANE


def owned_by(job: Job) -> Sequence[OwnedPartition]:
    """Return the partitions that a job is about."""
    return job.owned if isinstance(job, BackgroundJob) else [each.owned for each in job]
