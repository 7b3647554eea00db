"""What a lane does with the partitions of a micro-batch: load, hand over, commit."""

import time
from collections.abc import Sequence
from typing import Generic, NamedTuple

import numpy as np

from consumers.broker.kafka_sink import SinkFailed
from consumers.dead_letters.letter import Refused, dead_letter
from consumers.runtime.background_jobs import BackgroundJob
from consumers.runtime.partition_batch import PartitionBatch
from consumers.runtime.protocols import C, Clock, Commit, Commits, Customers, Handler, Loaded, Open, Opening, U
from events.settings import KafkaSettings
from events.topics.partitioning import partitions_of
from state.partitions.owned_partition import OwnedPartition

__all__ = ["BatchJob", "Job", "OwnedBatch", "Processing"]


class OwnedBatch(NamedTuple):
    """One partition's batch, with the partition and the messages of it that were refused."""

    owned: OwnedPartition
    batch: PartitionBatch
    refused: list[Refused]


BatchJob = list[OwnedBatch]
Job = BatchJob | BackgroundJob


class Processing(Generic[C, U]):
    """Does the jobs of lanes; lane i has committer i."""

    def __init__(
        self,
        kafka: KafkaSettings,
        open_all: Open[C],
        committers: Sequence[Commits[U]],
        handler: Handler[C, U],
        clock: Clock,
    ) -> None:
        self._partitions, self._open_all, self._committers = kafka.partitions, open_all, committers
        self._handler, self._clock = handler, clock

    def __call__(self, lane: int, job: Job) -> None:
        """Do a job in a lane.

        Raises StateMismatch, SinkFailed, redis.RedisError: then all partitions must be claimed again.
        """
        committer = self._committers[lane]
        if isinstance(job, BackgroundJob):
            committer.confirm()  # nothing may overtake what the lane has published
            job.run()
        else:
            self._save(job, committer)

    def _save(self, job: BatchJob, committer: Commits[U]) -> None:
        """Fold and save the partitions of a job, except those that another worker has taken over."""
        parts, loaded = self._load([part for part in job if not part.owned.fenced], committer)
        if not parts:
            return
        commits = []
        for (owned, batch, _), outcome in zip(parts, self._handler.apply(loaded), strict=True):
            for topic, events in batch.events.items():
                others = outcome.outcome_counts.get(topic, {})
                for event_outcome, count in others.items():
                    batch.count(topic, event_outcome, count)
                batch.count(topic, "applied", len(events.columns) - sum(others.values()))
            commits.append(Commit(owned, outcome, batch.offsets, batch.outcome_counts, _watermark_ms(owned, batch)))
        committer.begin(commits)

    def confirm_all(self) -> None:
        """Wait until Kafka has what all lanes have sent, also where one of them fails. Raises SinkFailed."""
        failures = []
        for committer in self._committers:
            try:
                committer.confirm()
            except SinkFailed as failure:
                failures.append(failure)
        if failures:
            raise failures[0]

    def _load(self, job: BatchJob, committer: Commits[U]) -> tuple[BatchJob, list[Loaded[C]]]:
        """Read the records of the customers that the parts are about, and return the parts that are still ours.

        What does not belong here is sent where it does: refused events, and events of other partitions' customers.
        """
        wall_ms = time.time_ns() // 1_000_000
        touched = [part.batch.customer_ids() for part in job]
        opened = self._open_all(
            [Opening(part.owned, ids, part.batch) for part, (ids, _) in zip(job, touched, strict=True)]
        )
        kept, loaded = [], []
        for part, (_, slots), customers in zip(job, touched, opened, strict=True):
            owned, batch, refused = part
            if not owned.fenced and not customers.known.all() and self._send_away(owned, batch, customers, committer):
                ids, slots = batch.customer_ids()
                (customers,) = self._open_all([Opening(owned, ids, batch)])
            if owned.fenced:
                continue
            for each in refused:
                committer.send_elsewhere("dead-letters", None, dead_letter(each, wall_ms))
            columns = {topic: events.columns for topic, events in batch.events.items()}
            now_ms = self._clock.now_ms(_watermark_ms(owned, batch), wall_ms)
            kept.append(part)
            loaded.append(Loaded(owned, customers, columns, slots, now_ms))
        return kept, loaded

    def _send_away(self, owned: OwnedPartition, batch: PartitionBatch, customers: C, committer: Commits[U]) -> bool:
        """Take out the events of erased customers and of other partitions' customers; return whether there were any.

        Neither are known here, so this costs nothing where everybody is known.
        """
        gone = _leave_out_erased(owned, batch, customers)
        return self._reroute(batch, customers, committer) or gone

    def _reroute(self, batch: PartitionBatch, customers: C, committer: Commits[U]) -> bool:
        """Send the events of unknown customers who belong to other partitions there; return whether there were any."""
        strangers = np.flatnonzero(~customers.known)
        names = [customers.ids[i] for i in strangers.tolist()]
        homes = partitions_of(names, self._partitions)
        misplaced = {name: home for name, home in zip(names, homes.tolist(), strict=True) if home != batch.partition}
        if not misplaced:
            return False
        for topic, part in batch.events.items():
            away = np.array([name in misplaced for name in part.columns.customer_ids], np.bool_)
            for i in np.flatnonzero(away).tolist():
                name, value = part.columns.customer_ids[i], part.messages.values[int(part.positions[i])]
                committer.send_elsewhere(topic, name.encode(), value or b"", misplaced[name])
            batch.count(topic, "rerouted", int(away.sum()))
            batch.events[topic] = part.take(np.flatnonzero(~away))
        return True


def _leave_out_erased(owned: OwnedPartition, batch: PartitionBatch, customers: Customers) -> bool:
    """Take out the events of customers who were erased, which are older than that, and count them."""
    strangers = np.flatnonzero(~customers.known).tolist() if owned.erased else []
    names = {customers.ids[i] for i in strangers if owned.erased and customers.ids[i] in owned.erased}
    if not names:
        return False
    for topic, part in batch.events.items():
        theirs = np.array([name in names for name in part.columns.customer_ids], np.bool_)
        batch.count(topic, "erased", int(theirs.sum()))
        batch.events[topic] = part.take(np.flatnonzero(~theirs))
    return True


def _watermark_ms(owned: OwnedPartition, batch: PartitionBatch) -> int:
    return max(owned.watermark_ms, batch.latest_ms())
