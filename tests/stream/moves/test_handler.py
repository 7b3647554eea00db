"""The handler: partitions done together come out as each does alone."""

import random

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from consumers.inputs.currency_conversion import Money
from consumers.inputs.customers import ProfileInput
from consumers.inputs.orders import OrderInput
from consumers.inputs.web_sessions import SessionInput
from consumers.runtime.partition_batch import PartitionBatch, TopicEvents
from consumers.runtime.protocols import Loaded
from events.time_units import DAY_MS
from state.customers.records import CustomerBatch, pack, unpack
from state.partitions.partition_store import OwnedPartition
from stream.model.segmenter import CentroidSegmenter
from stream.moves import handler as handler_module
from stream.moves.handler import SegmentHandler
from stream.moves.hysteresis import Hysteresis
from tests.building import HALF_LIFE_MS, NOW_MS, equal_sums, examples, make_baseline, topic_slice
from tests.shop import FAR_MS, shop_events

EVENTS = [event for event in shop_events(sessions=150, profiles=100, refunds=80) if event.key < "00700"]
INPUTS = (OrderInput(Money("USD", {}, str), 1 << 20), SessionInput(1 << 20), ProfileInput(1 << 20))


class Live:
    segmenter = CentroidSegmenter(make_baseline(1, [[3.5, 1.5, 6.0], [5.0, 1.0, 4.0], [6.5, 0.5, 2.0]]), HALF_LIFE_MS)


def loaded(partition, owned, messages, known, now_ms):
    """A partition's part of a micro-batch, with the records (by id, packed) that Redis would hold."""
    batch = PartitionBatch(partition)
    for source in INPUTS:
        values = [message.value for message in messages if message.topic == source.topic]
        if values:
            nowhere = topic_slice(source.topic, [])
            columns = source.decode(values, FAR_MS).columns
            batch.events[source.topic] = TopicEvents(columns, nowhere, np.arange(len(values)))
    ids, slots = batch.customer_ids()
    customers = unpack(ids, [known.get(name) for name in ids]) if ids else CustomerBatch.blank([])
    return Loaded(owned, customers, {topic: part.columns for topic, part in batch.events.items()}, slots, now_ms)


def run(rounds, *, together):
    """Fold rounds of micro-batches of three partitions and return all that came of them."""
    handler = SegmentHandler(Live(), half_life_ms=HALF_LIFE_MS, hysteresis=Hysteresis.uniform(0.1), duplicate_window=3)
    owned, known = [OwnedPartition(p, 1, {}) for p in range(3)], [{}, {}, {}]
    found = []
    for place, messages in enumerate(rounds):
        now_ms = NOW_MS + place * 40 * DAY_MS
        work = [loaded(p, owned[p], part, known[p], now_ms) for p, part in enumerate(messages)]
        outcomes = handler.apply(work) if together else [out for each in work for out in handler.apply([each])]
        for p, outcome in enumerate(outcomes):
            owned[p].sums, owned[p].baseline = outcome.sums, outcome.baseline
            known[p] |= zip(outcome.customers.ids, pack(outcome.customers), strict=True)
            repeated = {topic: counts for topic, counts in outcome.outcome_counts.items() if counts}
            found.append((list(outcome.changes), outcome.profiles, repeated))
    return found, known, [each.sums for each in owned]


@given(st.integers(0, 2**32))
@examples(25)
def test_small_partitions_done_together_come_out_as_each_alone(seed):
    chance = random.Random(seed)
    rounds = []
    for _ in range(3):
        sent = chance.choices(EVENTS, k=chance.randrange(120))
        empty = chance.randrange(6)
        home = {event.key: chance.randrange(3) for event in EVENTS}
        rounds.append([[event for event in sent if home[event.key] == p != empty] for p in range(3)])
    (found, known, sums), (alone, known_alone, sums_alone) = run(rounds, together=True), run(rounds, together=False)
    assert found == alone
    assert known == known_alone
    assert all(map(equal_sums, sums, sums_alone))


def test_large_partitions_are_done_one_by_one(monkeypatch):
    monkeypatch.setattr(handler_module, "_JOINED_CUSTOMERS", 3)
    parts = [[[event for event in EVENTS if sum(event.key.encode()) % 3 == p] for p in range(3)]]
    assert run(parts, together=True)[0] == run(parts, together=False)[0]
