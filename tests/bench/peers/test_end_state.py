"""The check of a peer's end state accepts a plain replay's and refuses each way of being wrong."""

import msgspec
import numpy as np
import pytest

from bench.job.fixed_job import BASELINE, expected
from bench.peers.end_state import NOW_MS, Customer, PublishedSegments, problems, segments_of
from events.time_units import DAY_MS

EVENTS = 500
WANTED = expected(events=EVENTS)


def replayed() -> dict[str, Customer]:
    """What a peer should leave of the first orders."""
    right = segments_of(WANTED)
    return {
        f"c{who:06d}": Customer(
            int(WANTED.counts[who]),
            int(WANTED.cents[who]),
            int(WANTED.first_ms[who]),
            int(WANTED.last_ms[who]),
            BASELINE.segments[int(np.argmax(right[who]))].segment_id,
        )
        for who in np.flatnonzero(WANTED.counts).tolist()
    }


def told(found: dict[str, Customer]) -> PublishedSegments:
    return PublishedSegments({name: customer.segment for name, customer in found.items()}, len(found))


def other(segment: str) -> str:
    return next(each.segment_id for each in BASELINE.segments if each.segment_id != segment)


def test_a_plain_replay_is_right():
    found = replayed()
    assert problems(found, told(found), WANTED) == []


@pytest.mark.parametrize("field", ["count", "cents", "first", "last"])
def test_another_number_is_refused(field):
    found = replayed()
    name = next(iter(found))
    found[name] = msgspec.structs.replace(found[name], **{field: getattr(found[name], field) + 1})
    assert problems(found, told(found), WANTED) == [f"1 customers have another {field} than a plain replay"]


@pytest.mark.parametrize("segment", ["", "s99", None])
def test_another_segment_is_refused_even_where_the_changes_agree(segment):
    found = replayed()
    name = next(iter(found))
    found[name] = msgspec.structs.replace(
        found[name], segment=other(found[name].segment) if segment is None else segment
    )
    assert problems(found, told(found), WANTED) == ["1 customers are in another segment than the nearest"]


def test_a_missing_customer_is_refused():
    found = replayed()
    del found[next(iter(found))]
    assert problems(found, told(found), WANTED) == [f"{len(found)} customers are in Redis, {len(found) + 1} expected"]


def test_an_empty_end_state_is_refused():
    assert problems({}, PublishedSegments(), WANTED) == [f"0 customers are in Redis, {len(replayed())} expected"]


def test_changes_must_end_where_redis_does():
    found = replayed()
    name, customer = next(iter(found.items()))
    changes = told(found)
    changes.latest[name] = other(customer.segment)
    assert problems(found, changes, WANTED) == ["1 customers have another last change than their segment in Redis"]
    del changes.latest[name]
    assert problems(found, changes, WANTED) == ["1 customers have another last change than their segment in Redis"]


def test_a_change_of_nobody_is_refused():
    found = replayed()
    changes = told(found)
    changes.latest["c999999"] = "s1"
    assert problems(found, changes, WANTED) == ["1 customers with changes are not in Redis"]


def test_segments_are_the_nearest_by_the_formula_of_one_customer():
    who = int(np.flatnonzero(WANTED.counts)[0])
    days = (NOW_MS - WANTED.last_ms[who]) / DAY_MS
    raw = np.log1p([days, WANTED.counts[who], WANTED.cents[who] / 100])
    vector = (raw - BASELINE.center) / np.array(BASELINE.scale)
    distances = [float(np.linalg.norm(vector - each.centroid)) for each in BASELINE.segments]
    assert segments_of(WANTED)[who].tolist() == [distance == min(distances) for distance in distances]


def test_all_segments_occur():
    assert segments_of(expected())[expected().counts > 0].any(axis=0).sum() >= 3
