"""Sends what is about a merged customer to where that customer's record is now, and decides on merges."""

import time
from collections.abc import Mapping, Sequence

import numpy as np

from consumers.broker.message_headers import pack_headers
from consumers.dead_letters.letter import RejectedMessage
from consumers.inputs.identities import IdentityColumns
from consumers.merges.identity_decisions import decide_merges
from consumers.merges.messages import (
    CustomerHandover,
    ForwardedEvent,
    MergeDecision,
    MergeMessage,
    Merges,
    encode_merge_message,
    with_customer_id,
)
from consumers.runtime.partition_batch import PartitionBatch, TopicEvents
from consumers.runtime.protocols import Committer, Customers, U
from events.topics.specs import merges_topic
from state.customers.merged_customers import MergedCustomers
from state.partitions.partition_fence import OwnedPartition
from state.store import keys

__all__ = ["MergeRouting"]

_GROUPS = (keys.SEGMENTS_GROUP, keys.EXPERIMENTS_GROUP)


class MergeRouting:
    """Follows the pointers that merged customers have left, for one consumer group."""

    def __init__(self, group: str, merged: MergedCustomers) -> None:
        self._topic, self._merged = merges_topic(group), merged
        self._keeps_aliases = group == keys.SEGMENTS_GROUP

    def prepare(self, owned: OwnedPartition, batch: PartitionBatch, committer: Committer[U]) -> None:
        """Leave in the batch those merges that are new, and whose customers are here; send on what is not.

        Decisions that were carried out, handovers that have arrived before, and what is about erased customers, are
        counted and left out.
        """
        if owned.lost_merges:
            batch.merges.published |= owned.lost_merges.keys()
            batch.merges.decisions += [
                MergeDecision(previous_id=previous, customer_id=survivor)
                for previous, survivor in owned.lost_merges.items()
            ]
        merges = batch.merges
        if not merges:
            return
        ids = [each.previous_id for each in merges.decisions] + [each.customer_id for each in merges.handovers]
        moved, erased = self._merged.survivors(owned.partition, ids), self._merged.erased_among(ids)
        merges.aliases = self._merged.aliases(owned.partition, ids) if self._keeps_aliases else {}
        decisions: dict[str, MergeDecision] = {}
        for each in merges.decisions:
            gone = each.previous_id in erased
            new = not gone and each.previous_id not in moved and each.previous_id not in decisions
            batch.count(self._topic, "applied" if new else "erased" if gone else "duplicate", 1)
            if new:
                decisions[each.previous_id] = each
        merges.decisions = list(decisions.values())
        merges.handovers = [each for each in merges.handovers if self._arrives(each, batch, erased, moved, committer)]

    def _arrives(
        self,
        handover: CustomerHandover,
        batch: PartitionBatch,
        erased: set[str],
        moved: Mapping[str, str],
        committer: Committer[U],
    ) -> bool:
        """Return whether a handover brings something to a customer of the partition; count it, or send it on."""
        survivor, previous = handover.customer_id, handover.previous_id
        if survivor in erased:
            batch.count(self._topic, "erased", 1)
            self._merged.erase_too([previous, *handover.aliases], time.time_ns() // 1_000_000)
            return False
        if survivor in moved:
            batch.count(self._topic, "merged", 1)
            onward = CustomerHandover(previous, moved[survivor], handover.parts, handover.aliases)
            self._send(onward, committer)
            return False
        repeated = self._keeps_aliases and _is_repeated(handover, batch.merges)
        batch.count(self._topic, "duplicate" if repeated else "applied", 1)
        return bool(handover.parts) and not repeated

    def forward(
        self, owned: OwnedPartition, batch: PartitionBatch, customers: Customers, committer: Committer[U]
    ) -> bool:
        """Send the events of merged customers after them, and set decisions about unknown customers apart.

        Returns whether there were any: then who is in the batch has changed.
        """
        if not owned.merged_customers and not batch.merges.decisions:
            return False
        unknown = [customers.ids[i] for i in np.flatnonzero(~customers.known).tolist()]
        survivors = self._merged.survivors(owned.partition, unknown) if owned.merged_customers else {}
        for topic, part in batch.events.items() if survivors else ():
            away = np.array([each in survivors for each in part.columns.customer_ids], np.bool_)
            for i in np.flatnonzero(away).tolist():
                self._send(_forwarded(topic, part, i, survivors), committer)
            batch.count(topic, "merged", int(away.sum()))
            batch.events[topic] = part.take(np.flatnonzero(~away))
        return bool(survivors) | _set_apart(batch, set(unknown))

    def decide(self, batch: PartitionBatch, committer: Committer[U]) -> tuple[dict[str, str], list[RejectedMessage]]:
        """Decide on the merges that were published, tell the partitions, and return what holds and what does not."""
        if batch.identities is None or not len(batch.identities.columns):
            return {}, []
        columns, messages, positions = batch.identities.columns, batch.identities.messages, batch.identities.positions
        assert isinstance(columns, IdentityColumns)  # noqa: S101 - for the type checker
        pairs = _pairs(columns)
        erased = self._merged.erased_among([name for pair in pairs for name in pair])
        kept = np.flatnonzero([erased.isdisjoint(pair) for pair in pairs])
        decided = decide_merges(columns.take(kept), self._merged.decided)
        for previous, survivor in decided.merged.items():
            value = encode_merge_message(MergeDecision(previous, survivor))
            for group in _GROUPS:
                committer.send_elsewhere(merges_topic(group), previous.encode(), value)
        counts = {"applied": len(decided.merged), "duplicate": decided.repeated, "dead_lettered": len(decided.refused)}
        for outcome, count in {**counts, "erased": len(columns) - len(kept)}.items():
            batch.count("identities", outcome, count)
        refused = decided.refused.items()
        return decided.merged, [RejectedMessage(messages, int(positions[kept[at]]), why) for at, why in refused]

    def _send(self, message: MergeMessage, committer: Committer[U]) -> None:
        committer.send_elsewhere(self._topic, message.customer_id.encode(), encode_merge_message(message))


def _is_repeated(handover: CustomerHandover, merges: Merges) -> bool:
    """Return whether a handover has come before; if not, remember the ids that go up in the survivor by it.

    The group `segments` alone needs this, and alone keeps these ids (`aliases:{p}:<customer>`): what it wrote there
    says nothing of what another group has received. Tallies are united event by event, so a handover that comes again
    brings nothing, and one from a partition whose Redis came back older may bring what the first did not.
    """
    aliases = merges.aliases[handover.customer_id]
    if handover.previous_id in aliases:
        return True
    ids = {handover.previous_id, *handover.aliases}
    aliases |= ids
    merges.absorbed.setdefault(handover.customer_id, set()).update(ids)
    return False


def _pairs(columns: IdentityColumns) -> list[tuple[str, str]]:
    return list(zip(map(str, columns.previous_ids), map(str, columns.customer_ids), strict=True))


def _forwarded(topic: str, part: TopicEvents, position: int, survivors: Mapping[str, str]) -> ForwardedEvent:
    previous, place = str(part.columns.customer_ids[position]), int(part.positions[position])
    survivor, headers = survivors[previous], part.messages.headers(place)
    value = with_customer_id(part.messages.values[place] or b"", survivor)
    return ForwardedEvent(previous, survivor, topic, value, pack_headers(headers))


def _set_apart(batch: PartitionBatch, unknown: set[str]) -> bool:
    """Set decisions apart whose customers nothing is known of, here or in the batch; return whether there were any."""
    present = {name for part in batch.events.values() for name in part.columns.customer_ids}
    present |= {each.customer_id for each in batch.merges.handovers}
    apart: Sequence[MergeDecision] = [
        each for each in batch.merges.decisions if each.previous_id in unknown and each.previous_id not in present
    ]
    batch.merges.unknown += apart
    left_out = {each.previous_id for each in apart}
    batch.merges.decisions = [each for each in batch.merges.decisions if each.previous_id not in left_out]
    return bool(apart)
