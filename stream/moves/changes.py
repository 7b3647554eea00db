"""Make the segment changes of customers who move, each with the features that made the difference."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from events.arrays import Flags, Floats, Ints
from events.codec.instants import rfc3339
from events.segment_changes import Change, ChangeBatch, make_change, make_moved_feature
from state.customers.records import Rows, take_rows
from stream.model.segmenter import Segment, Segmenter
from stream.moves.deciding_features import evidence_of, usual_gap_days

__all__ = ["Evaluation", "Moves", "changes_of"]


_SEGMENTS: Final = 1 << 16


@dataclass(frozen=True)
class Evaluation:
    """n customers as they were and are: rows as last saved and with new events folded in, vectors now and before.

    `learned` (n,) says whose vector was in the model's sums; `old` holds those vectors, one for each who is.
    """

    before: Rows
    after: Rows
    learned: Flags
    old: Floats
    vectors: Floats
    distances: Floats


@dataclass(frozen=True)
class Moves:
    """Which m customers move: their positions among those evaluated, from which cluster (-1: none) to which, and why.

    `numbers` are their change numbers after the move.
    """

    places: Ints
    present: Ints
    target: Ints
    causes: npt.NDArray[np.object_]
    numbers: list[int]


def changes_of(segmenter: Segmenter, ids: list[str], evaluation: Evaluation, moves: Moves, now_ms: int) -> ChangeBatch:
    """Return the changes of the customers who move at `now_ms` (ms since 1970 UTC); `ids` are those evaluated."""
    if not len(moves.places):
        return ChangeBatch([], [], [], [])
    causes, cause_of = _factorized(moves.causes)
    now, last = _explaining(segmenter, evaluation, moves.places, now_ms)
    evidence = evidence_of(
        segmenter,
        now,
        last,
        evaluation.distances[moves.places],
        moves.target,
        moves.present,
        np.array([cause in {"model", "baseline"} for cause in causes])[cause_of],
        usual_gap_days(evaluation.after, moves.places),
    )
    # A kind as one number: a dictionary finds it several times as fast as a tuple.
    d, shown = len(segmenter.explaining_features), evidence.features.shape[1]
    previous = evaluation.before["segment"][moves.places].astype(np.int64)
    packed = (moves.target * _SEGMENTS + previous) * len(causes) + cause_of
    for i in range(shown):
        packed = packed * d + evidence.features[:, i]
    keys = packed.tolist()
    kinds = {key: i for i, key in enumerate(dict.fromkeys(keys))}
    names, changed_at = {each.number: each for each in [*segmenter.retired, *segmenter.segments]}, rfc3339(now_ms)
    prototypes = []
    for key in kinds:
        rest, features = key, list[str]()
        for _ in range(shown):
            rest, feature = divmod(rest, d)
            features.insert(0, segmenter.explaining_features[feature])
        rest, cause = divmod(rest, len(causes))
        prototypes.append(_prototype(segmenter, names, (*divmod(rest, _SEGMENTS), causes[cause]), features, changed_at))
    movers = list(map(ids.__getitem__, moves.places.tolist()))
    return ChangeBatch(movers, moves.numbers, list(map(kinds.__getitem__, keys)), prototypes, evidence.codes)


def _factorized(causes: npt.NDArray[np.object_]) -> tuple[list[str], Ints]:
    """Return the distinct causes, and which of them each is."""
    distinct = list(dict.fromkeys(causes.tolist()))
    which = np.zeros(len(causes), np.int64)
    for i, cause in enumerate(distinct[1:], 1):
        which[causes == cause] = i
    return distinct, which


def _explaining(segmenter: Segmenter, evaluation: Evaluation, places: Ints, now_ms: int) -> tuple[Floats, Floats]:
    """Return the explaining vectors of the customers at `places` now and when last learned, NaN where not known."""
    known = evaluation.learned[places]
    vectors, after = evaluation.vectors[places], take_rows(evaluation.after, places)
    if evaluation.learned.all():
        old = evaluation.old[places]
    else:
        old = np.full(vectors.shape, np.nan)
        old[known] = evaluation.old[(np.cumsum(evaluation.learned) - 1)[places[known]]]
    now = segmenter.explaining_vectors(after, now_ms, vectors)
    if now.shape[1] == vectors.shape[1]:
        return now, old
    before = take_rows(evaluation.before, places)
    last = segmenter.explaining_vectors(before, before["learned_at"], old)
    last[~known] = np.nan
    return now, last


def _prototype(
    segmenter: Segmenter, names: dict[int, Segment], kind: tuple[int, int, str], features: list[str], changed_at: str
) -> Change:
    """Return a change of this kind (to which cluster, from which segment number, why) of no customer."""
    target, previous, cause = kind
    segment, last = segmenter.segments[target], names.get(previous)
    return make_change(
        change_id="",
        customer_id="",
        change_number=0,
        changed_at=changed_at,
        cause=cause,
        segment_id=segment.segment_id,
        segment=segment.name,
        previous=f"s{previous}" if previous else None,
        previous_segment=last.name if last else None,
        baseline=segmenter.baseline,
        model_version=segmenter.version,
        moved=[make_moved_feature(feature) for feature in features],
    )
