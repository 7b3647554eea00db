"""Invariant 1: any order and any grouping of the same events gives the same record, bit for bit."""

import random

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from consumers.inputs.currency_conversion import Money
from consumers.inputs.customers import ProfileInput
from consumers.inputs.orders import OrderInput
from consumers.inputs.web_sessions import SessionInput
from consumers.runtime.partition_batch import PartitionBatch, TopicEvents
from consumers.runtime.protocols import Loaded
from state.customers.records import CustomerBatch, pack, unpack
from state.partitions.partition_store import OwnedPartition
from stream.model.baseline_zero import RfmTiers
from stream.moves.handler import SegmentHandler
from stream.moves.hysteresis import Hysteresis
from tests.building import topic_slice
from tests.service import HALF_LIFE_MS, event_fields
from tests.shop import FAR_MS, reference, shop_events

EVENTS = [event for event in shop_events(sessions=400, profiles=200, refunds=200) if event.key < "01000"]
EXPECTED = event_fields(reference(EVENTS))


class Tiers:
    segmenter = RfmTiers(HALF_LIFE_MS)


def apply(known: dict[str, bytes], messages, now_ms: int) -> None:
    """Run one micro-batch through the handler, with records that are packed and unpacked as Redis would hold them."""
    inputs = (OrderInput(Money("USD", {}, str), 1 << 20), SessionInput(1 << 20), ProfileInput(1 << 20))
    batch = PartitionBatch(0)
    for source in inputs:
        values = [message.value for message in messages if message.topic == source.topic]
        if values:
            columns = source.decode(values, FAR_MS).columns
            nowhere = topic_slice(source.topic, [])
            batch.events[source.topic] = TopicEvents(columns, nowhere, np.arange(len(values)))
    ids, slots = batch.customer_ids()
    customers = unpack(ids, [known.get(name) for name in ids]) if ids else CustomerBatch.blank([])
    handler = SegmentHandler(
        Tiers(), half_life_ms=HALF_LIFE_MS, hysteresis=Hysteresis.uniform(0.1), duplicate_window=256
    )
    columns = {topic: part.columns for topic, part in batch.events.items()}
    (outcome,) = handler.apply([Loaded(OwnedPartition(0, 1, {}), customers, columns, slots, now_ms)])
    known |= zip(outcome.customers.ids, pack(outcome.customers), strict=True)


@settings(max_examples=15)
@given(st.integers(0, 2**32), st.integers(1, 40))
def test_any_order_grouping_and_repetition_gives_the_same_records(seed, groups):
    chance = random.Random(seed)
    sent = EVENTS + chance.sample(EVENTS, len(EVENTS) // 10)
    chance.shuffle(sent)
    cuts = sorted(chance.sample(range(1, len(sent)), groups - 1))
    known: dict[str, bytes] = {}
    for start, end in zip([0, *cuts], [*cuts, len(sent)], strict=True):
        apply(known, sent[start:end], now_ms=900_000_000_000)
    found = unpack(list(known), list(known.values()))
    assert event_fields(dict(zip(found.ids, found.rows, strict=True))) == EXPECTED
