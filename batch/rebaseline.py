"""Propose a baseline from the customers in Redis: fit, match with the live one, preview, store."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple

import numpy as np
import redis
from pydantic_core import to_json
from sklearn.metrics import silhouette_score
from threadpoolctl import threadpool_limits

from batch.candidate import Candidate, build_candidate
from batch.data.customer_reader import CustomerReader
from batch.data.customer_table import CustomerTable
from batch.fit_options import FitOptions
from batch.identity.matching import assign_first_identities, assign_identities
from batch.identity.move_preview import MovePreview, moved_share, preview_moves, segment_numbers
from batch.report import EVENT_FILES
from batch.report.document import report_document
from events.arrays import Ints
from events.schema.outputs import Baseline
from events.segment_changes import segment_number
from state.customers.attribute_columns import stored_attributes
from state.customers.records import Rows
from state.model.baselines import BaselineStore
from stream.customers.wall_or_event_time import SegmentClock
from stream.model.baseline_zero import SEGMENT_NAMES, RfmTiers
from stream.model.kmeans import nearest
from stream.model.live_segmenter import LiveSegmenter
from stream.model.segmenter import CentroidSegmenter, Segmenter
from stream.moves.hysteresis import Hysteresis

__all__ = [
    "LiveModel",
    "Proposal",
    "Rebaseliner",
    "build_proposal",
    "customer_chunks",
    "largest_segment_number",
    "propose_offline",
    "segmenter_silhouette",
]

log = logging.getLogger(__name__)


_SILHOUETTE_SAMPLE = 5_000


class LiveModel(NamedTuple):
    """The live baseline (None for the RFM tiers), and its segmenter with the present centroids."""

    baseline: Baseline | None
    segmenter: Segmenter


@dataclass(frozen=True)
class Proposal:
    """A proposed baseline, what it was made from, and the document of its report."""

    baseline: Baseline
    candidate: Candidate
    report: bytes


class Rebaseliner:
    """Reads all customers and proposes; nothing that is live changes.

    `hysteresis` is that of the workers: by their rule the preview says who would move.
    """

    def __init__(
        self,
        client: redis.Redis,
        clock: SegmentClock,
        *,
        partitions: int,
        half_life_ms: float,
        hysteresis: Hysteresis,
        limit: int,
        seed: int,
    ) -> None:
        self._client, self._half_life_ms, self._hysteresis = client, half_life_ms, hysteresis
        self._limit, self._seed = limit, seed
        self._reader = CustomerReader(
            client,
            clock,
            partitions=partitions,
            half_life_ms=half_life_ms,
            attributes=stored_attributes(client),
        )
        self._store = BaselineStore(client)

    def propose(
        self,
        options: FitOptions,
        *,
        by: str,
        now: datetime,
        check: Callable[[], None] = lambda: None,
        events: float = 0.0,
    ) -> Proposal:
        """Fit on what Redis holds, and store the proposal; `check` is called before anything is written.

        `events` is the number of events processed before, for the schedule to see whether there are new ones.
        Raises what `build_candidate` raises, and redis.RedisError.
        """
        with threadpool_limits(1):  # the workers need the cores
            return self._proposed(options, by, now, check, events)

    def _proposed(
        self, options: FitOptions, by: str, now: datetime, check: Callable[[], None], events: float
    ) -> Proposal:
        table = self._reader.table(self._limit, self._seed)
        candidate = build_candidate(table, options, number=1, seed=self._seed, now=now)
        following = LiveSegmenter(self._client, self._half_life_ms)
        following.refresh()
        live = LiveModel(following.baseline, following.segmenter)
        chunks = customer_chunks(table, self._reader)
        known = self._store.all()
        proposal = build_proposal(
            table,
            candidate,
            live,
            chunks,
            last_number=largest_segment_number(known),
            hysteresis=self._hysteresis,
            by=by,
        )
        check()
        number = self._store.next_number()
        metrics = proposal.baseline.metrics | {"events": events}
        numbered = proposal.baseline.model_copy(update={"baseline": number, "metrics": metrics})
        proposal = replace(proposal, baseline=numbered)
        self._store.propose(numbered, proposal.report)
        log.info("baseline %d is proposed: k = %d, %s", number, numbered.k, numbered.reason)
        return proposal


def customer_chunks(table: CustomerTable, reader: CustomerReader) -> Iterator[tuple[Rows, Ints]]:
    """Yield all customers' rows and their present, in chunks: those of the table, unless it is a sample only."""
    if len(table) == table.population:
        yield table.rows, table.now_ms
        return
    for chunk in reader.chunks():
        yield chunk.rows, chunk.now_ms


def build_proposal(
    table: CustomerTable,
    candidate: Candidate,
    live: LiveModel,
    chunks: Iterator[tuple[Rows, Ints]],
    *,
    last_number: int,
    hysteresis: Hysteresis,
    by: str,
) -> Proposal:
    """Return a candidate with ids, names, lineage and preview.

    `chunks` are all customers, of whom the table may be a sample; `last_number` is the largest that was ever given to
    a segment, and `hysteresis` the workers' own.
    """
    ids = [f"s{place}" for place in range(len(candidate.segments))]
    draft = candidate.baseline(ids)
    preview = preview_moves(draft, table.half_life_ms, chunks)
    members = np.bincount(_clusters(preview), minlength=len(ids))
    draft = candidate.baseline(ids, customers=members.tolist())
    named = _named(draft, live, preview, last_number)
    moves = preview.moves(CentroidSegmenter(named, table.half_life_ms), hysteresis)
    metrics = _metrics(table, candidate, named, live.segmenter) | {
        "moved_share": moved_share(moves),
        "smallest_share": float(members[: candidate.k].min() / max(1, members[: candidate.k].sum())),
    }
    baseline = named.model_copy(
        update={
            "moves": moves,
            "metrics": metrics,
            "customers": len(preview.segments),
            "reason": candidate.reason,
            "proposed_by": by,
        }
    )
    return Proposal(baseline, candidate, to_json(report_document(table, candidate, baseline, live.baseline)))


def propose_offline(
    table: CustomerTable, options: FitOptions, *, seed: int, hysteresis: Hysteresis, now: datetime
) -> Proposal:
    """Return the proposal that a table of customers alone gives, with nothing live to compare it with.

    Raises what `build_candidate` raises.
    """
    candidate = build_candidate(table, options, number=1, seed=seed, now=now)
    tiers = LiveModel(None, RfmTiers(table.half_life_ms))
    chunks = iter([(table.rows, table.now_ms)])
    return build_proposal(table, candidate, tiers, chunks, last_number=0, hysteresis=hysteresis, by=EVENT_FILES)


def _named(draft: Baseline, live: LiveModel, preview: MovePreview, last_number: int) -> Baseline:
    if live.baseline is None:
        named = assign_first_identities(draft)
        return named.model_copy(update={"last_segment": max(named.last_segment, last_number)})
    overlap = preview.overlap(segment_numbers(live.baseline), np.array([each.centroid for each in draft.segments]))
    return assign_identities(draft, live.baseline, overlap, last_number)


def _clusters(preview: MovePreview) -> Ints:
    clusters = nearest(preview.distances.astype(np.float64))
    return clusters[clusters >= 0]


def _metrics(table: CustomerTable, candidate: Candidate, named: Baseline, live: Segmenter) -> dict[str, float]:
    """Return the silhouettes of the new and of the live segments on the same customers, and the inertia."""
    found = {"inertia": candidate.inertia}
    ours = segmenter_silhouette(CentroidSegmenter(named, table.half_life_ms), table, candidate.seed)
    theirs = segmenter_silhouette(live, table, candidate.seed) if live.dimensions else None
    return (
        found | ({} if ours is None else {"silhouette": ours}) | ({} if theirs is None else {"live_silhouette": theirs})
    )


def segmenter_silhouette(segmenter: Segmenter, table: CustomerTable, seed: int) -> float | None:
    """Return the silhouette of a segmenter's clusters on a sample of today's customers, in its own features.

    Missing features count as the mean; None where the sample has one cluster only, or no two of any.
    """
    size = min(_SILHOUETTE_SAMPLE, len(table))
    chosen = np.sort(np.random.default_rng(seed).choice(len(table), size, replace=False))
    rows, now_ms = table.rows[chosen], table.now_ms[chosen]
    vectors = segmenter.vectors(rows, now_ms)
    labels = nearest(segmenter.distances(rows, vectors, now_ms))
    staged = np.array([each.stage is not None for each in segmenter.segments])
    placed = (labels >= 0) & ~staged[labels]  # a stage is a rule: it has no place among the vectors
    if not 1 < len(np.unique(labels[placed])) < placed.sum():
        return None
    return float(silhouette_score(np.nan_to_num(vectors[placed]), labels[placed]))


def largest_segment_number(known: list[Baseline]) -> int:
    """Return the largest number that any baseline, live or not, has given to a segment; the tiers have the first."""
    given = [segment_number(each.segment_id) for baseline in known for each in baseline.segments]
    return max([len(SEGMENT_NAMES), *given, *(baseline.last_segment for baseline in known)])
