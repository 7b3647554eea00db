"""What a lane does with the partitions of a micro-batch: load, hand over, commit."""

import time
from collections.abc import Mapping, Sequence
from typing import Generic, NamedTuple

import numpy as np

from consumers.broker.kafka_sink import SinkFailed
from consumers.dead_letters.letter import RejectedMessage
from consumers.runtime.letter_sending import LetterSender
from consumers.runtime.merge_routing import MergeRouting
from consumers.runtime.partition_batch import PartitionBatch
from consumers.runtime.protocols import C, Clock, Commit, Committer, Customers, Handler, Load, Loaded, LoadRequest, U
from consumers.runtime.work_between_batches import BackgroundJob
from events.settings import KafkaSettings
from events.topics.partitioning import partitions_of
from state.partitions.partition_fence import OwnedPartition

__all__ = ["BatchJob", "Job", "OwnedBatch", "Processing"]


class OwnedBatch(NamedTuple):
    """One partition's batch, with the partition and the messages of it that were rejected."""

    owned: OwnedPartition
    batch: PartitionBatch
    rejected: list[RejectedMessage]


BatchJob = list[OwnedBatch]
Job = BatchJob | BackgroundJob


class Processing(Generic[C, U]):
    """Does the jobs of lanes; lane i has committer i."""

    def __init__(
        self,
        kafka: KafkaSettings,
        load: Load[C],
        committers: Sequence[Committer[U]],
        handler: Handler[C, U],
        clock: Clock,
        merges: MergeRouting,
        left_to: Mapping[str, str] | None = None,
        letters: LetterSender | None = None,
    ) -> None:
        self._letters = letters or LetterSender()
        self._partitions, self._load_customers, self._committers = kafka.partitions, load, committers
        self._handler, self._clock, self._merges, self._left_to = handler, clock, merges, left_to or {}

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

    def _save(self, job: BatchJob, committer: Committer[U]) -> None:
        """Fold and save the partitions of a job, except those that another worker has taken over."""
        self._carry_out_lost_merges(job, committer)
        identities = self._decide_on_merges(job, committer)
        parts, loaded = self._load_batches([each for each in job if not each.owned.fenced], committer)
        if not parts:
            return
        commits = []
        for (owned, batch, _), result in zip(parts, self._handler.apply(loaded), strict=True):
            for topic in dict.fromkeys([*batch.events, *result.outcome_counts]):
                others = result.outcome_counts.get(topic, {})
                for outcome, count in others.items():
                    batch.count(topic, outcome, count)
                events = len(batch.events[topic].columns) if topic in batch.events else 0
                batch.count(topic, "applied", events - sum(others.values()))
            watermark_ms, decided = _watermark_ms(owned, batch), identities if batch.identities else {}
            commits.append(Commit(owned, result, batch.offsets, batch.outcome_counts, watermark_ms, decided))
        committer.begin(commits)

    def _carry_out_lost_merges(self, job: BatchJob, committer: Committer[U]) -> None:
        """Let customers leave whose merges were published and then lost by Redis, before any event comes for them."""
        lost = [each.owned for each in job if each.owned.lost_merges and not each.owned.fenced]
        if lost:
            alone = [OwnedBatch(owned, PartitionBatch(owned.partition), []) for owned in lost]
            parts, loaded = self._load_batches(alone, committer)
            results = zip(parts, self._handler.apply(loaded), strict=True)
            committer.begin(
                [
                    Commit(owned, result, {}, batch.outcome_counts, owned.watermark_ms)
                    for (owned, batch, _), result in results
                ]
            )

    def _decide_on_merges(self, job: BatchJob, committer: Committer[U]) -> dict[str, str]:
        """Decide on what was published of merges, which only partition 0 has."""
        decided: dict[str, str] = {}
        for _, batch, rejected in job:
            merged, refused = self._merges.decide(batch, committer)
            decided |= merged
            rejected.extend(refused)
        return decided

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

    def _load_batches(self, job: BatchJob, committer: Committer[U]) -> tuple[BatchJob, list[Loaded[C]]]:
        """Read the records of the batches' customers, and return the batches whose partitions are still ours.

        Rejected events go to the dead letters, events of other partitions' customers to those partitions.
        """
        wall_ms = time.time_ns() // 1_000_000
        for owned, batch, _ in job:
            self._merges.prepare(owned, batch, committer)
        touched = [each.batch.customer_ids() for each in job]
        read = self._load_customers(
            [LoadRequest(each.owned, ids, each.batch, slots) for each, (ids, slots) in zip(job, touched, strict=True)]
        )
        kept, loaded, letters = [], [], []
        for part, (_, slots), customers in zip(job, touched, read, strict=True):
            owned, batch, rejected = part
            new = not owned.fenced and not customers.known.all()
            if new and self._remove_foreign(owned, batch, customers, committer):
                ids, slots = batch.customer_ids()
                (customers,) = self._load_customers([LoadRequest(owned, ids, batch, slots)])
            if owned.fenced:
                continue
            letters += self._letters.send(batch, rejected, committer, wall_ms)
            columns = {topic: events.columns for topic, events in batch.events.items()}
            now_ms = self._clock.now_ms(_watermark_ms(owned, batch), wall_ms)
            kept.append(part)
            loaded.append(Loaded(owned, customers, columns, slots, now_ms, batch.merges))
        self._letters.recall(letters, committer)
        return kept, loaded

    def _remove_foreign(
        self, owned: OwnedPartition, batch: PartitionBatch, customers: C, committer: Committer[U]
    ) -> bool:
        """Remove the events of erased, of merged and of other partitions' customers; return whether there were any.

        All three are unknown to this partition, so this costs nothing where every customer is known.
        """
        erased = _remove_erased(owned, batch, customers)
        merged = self._merges.forward(owned, batch, customers, committer)
        return self._reroute(batch, customers, committer) or merged or erased

    def _reroute(self, batch: PartitionBatch, customers: C, committer: Committer[U]) -> bool:
        """Send the events of unknown customers who belong to other partitions there; return whether there were any.

        Where another group does that for a topic they are only left out: sent by both, they would come twice, and late
        ones beyond a customer's recent events.
        """
        unknown = np.flatnonzero(~customers.known)
        ids = [customers.ids[i] for i in unknown.tolist()]
        owners = partitions_of(ids, self._partitions)
        misplaced = {each: owner for each, owner in zip(ids, owners.tolist(), strict=True) if owner != batch.partition}
        if not misplaced:
            return False
        for topic, part in batch.events.items():
            away = np.array([each in misplaced for each in part.columns.customer_ids], np.bool_)
            other = self._left_to.get(topic)
            for i in [] if other else np.flatnonzero(away).tolist():
                customer_id, place = part.columns.customer_ids[i], int(part.positions[i])
                value, headers = part.messages.values[place] or b"", part.messages.headers(place)
                committer.send_elsewhere(topic, customer_id.encode(), value, misplaced[customer_id], headers)
            batch.count(topic, f"left_to_{other}" if other else "rerouted", int(away.sum()))
            batch.events[topic] = part.take(np.flatnonzero(~away))
        return True


def _remove_erased(owned: OwnedPartition, batch: PartitionBatch, customers: Customers) -> bool:
    """Remove the events of erased customers, which are older than the erasure, and count them."""
    unknown = np.flatnonzero(~customers.known).tolist() if owned.erased else []
    ids = {customers.ids[i] for i in unknown if owned.erased and customers.ids[i] in owned.erased}
    if not ids:
        return False
    for topic, part in batch.events.items():
        theirs = np.array([each in ids for each in part.columns.customer_ids], np.bool_)
        batch.count(topic, "erased", int(theirs.sum()))
        batch.events[topic] = part.take(np.flatnonzero(~theirs))
    return True


def _watermark_ms(owned: OwnedPartition, batch: PartitionBatch) -> int:
    return max(owned.watermark_ms, batch.latest_ms())
