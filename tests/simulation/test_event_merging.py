"""Events that are added out of order come out in order of time, each once."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from simulation.event_merging import TRUTH, EventMerger

PARTS = st.lists(st.tuples(st.integers(0, TRUTH), st.lists(st.integers(0, 50), max_size=8)), max_size=8)


@given(PARTS, st.lists(st.integers(0, 60), max_size=4))
def test_everything_comes_out_once_and_in_order(parts, dues):
    merger, added, given_out = EventMerger(), [], []
    for number, (topic, times) in enumerate(parts):
        keys = [f"{number}.{place}" for place in range(len(times))]
        merger.add(topic, np.array(times, np.int64), keys, [key.encode() for key in keys])
        added += [(time, number, place) for place, time in enumerate(times)]
    for due in [*sorted(dues), None]:
        batch = merger.release(due)
        assert due is None or (batch.times < due).all()
        given_out += [(time, *map(int, key.split("."))) for time, key in zip(batch.times, batch.keys, strict=True)]
        assert [value.decode() for value in batch.values] == batch.keys.tolist()
    assert given_out == sorted(added)
    assert len(merger) == 0


@given(st.lists(st.integers(0, TRUTH), max_size=12), st.integers(0, 14))
def test_a_head_has_so_many_events_and_the_truth_before_them(topics, wanted):
    merger = EventMerger()
    for time, topic in enumerate(topics):
        merger.add(topic, np.array([time]), ["c"], [b""])
    batch = merger.release(None)
    head = batch.head(wanted)
    assert head.events == min(wanted, batch.events)
    assert head.times.tolist() == batch.times[: len(head)].tolist()
    assert batch.of(TRUTH).events == 0
