"""Customers who were merged into others leave their segment and their partition."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from consumers.merges.handing_over import departure_of
from consumers.merges.messages import MergeDecision, Merges
from consumers.runtime.partition_batch import SegmentResult
from events.arrays import Ints
from events.codec.instants import rfc3339
from events.segment_changes import Change, make_change
from state.customers.records import CustomerBatch, Rows, pack, take_rows
from state.partitions.model_sums import ModelSums
from stream.model.segmenter import Segmenter

__all__ = ["PROFILE_PART", "RECORD_PART", "with_departures"]

RECORD_PART, PROFILE_PART = "record", "profile"
"""The parts of a handover between partitions of segments."""


def with_departures(
    segmenter: Segmenter,
    result: SegmentResult,
    merges: Merges,
    places: Ints,
    documents: Mapping[int, bytes],
    now_ms: int,
) -> SegmentResult:
    """Return a partition's result without the customers who were merged into others.

    `places` (m,) are the positions of those whom the decisions (m,) are about, `documents` the profiles by position.
    Their vectors leave the model's sums, their membership ends with a change, and their records are handed over.
    """
    if not merges:
        return result
    customers, rows = result.customers, take_rows(result.customers.rows, places)
    records = pack(customers.take(places))
    departures = [departure_of(each, merges, {}, had_record=False) for each in merges.unknown]
    known = customers.known[places].tolist()
    for each, place, record, had_record in zip(merges.decisions, places.tolist(), records, known, strict=True):
        profile = {PROFILE_PART: documents[place]} if place in documents else {}
        departures.append(departure_of(each, merges, {RECORD_PART: record} | profile, had_record=had_record))
    gone = {each.previous_id for each in departures}
    return replace(
        result,
        customers=_without(customers, places),
        profiles={name: document for name, document in result.profiles.items() if name not in gone},
        sums=_sums_without(segmenter, result.sums, rows),
        changes=[*result.changes, *_endings(segmenter, merges, rows, now_ms)],
        departures=departures,
        absorbed={survivor: names for survivor, names in merges.absorbed.items() if survivor not in gone},
    )


def _sums_without(segmenter: Segmenter, sums: ModelSums, rows: Rows) -> ModelSums:
    leaving = take_rows(rows, (rows["cluster"] >= 0) & (rows["baseline"] == segmenter.baseline))
    if not len(leaving):
        return sums
    return sums.minus(segmenter.vectors(leaving, leaving["learned_at"]), leaving["cluster"].astype(np.int64))


def _without(customers: CustomerBatch, places: Ints) -> CustomerBatch:
    rest = np.setdiff1d(np.arange(len(customers)), places)
    return customers if len(rest) == len(customers) else customers.take(rest)


def _endings(segmenter: Segmenter, merges: Merges, rows: Rows, now_ms: int) -> list[Change]:
    """Return the changes that end the memberships of those who leave, known (m,) or not.

    None for a merge that is published: Redis has lost it, and with it the number that the change had.
    """
    names = {each.number: each.name for each in [*segmenter.retired, *segmenter.segments]}
    held = [*rows["segment"].tolist(), *[0] * len(merges.unknown)]
    numbers = [*rows["change_number"].tolist(), *[0] * len(merges.unknown)]
    decisions: Sequence[MergeDecision] = [*merges.decisions, *merges.unknown]
    return [
        make_change(
            change_id=f"{each.previous_id}:{number + 1}",
            customer_id=each.previous_id,
            change_number=number + 1,
            changed_at=rfc3339(now_ms),
            cause="merge",
            segment_id=None,
            segment=None,
            previous=f"s{segment}" if segment else None,
            previous_segment=names.get(segment),
            baseline=segmenter.baseline,
            model_version=segmenter.version,
            merged_into=each.customer_id,
        )
        for each, segment, number in zip(decisions, held, numbers, strict=True)
        if each.previous_id not in merges.published
    ]
