"""Customers who are merged into others leave with all that is known of them, and nothing of them stays."""

import json

import numpy as np

from consumers.inputs.currency_conversion import Money
from consumers.inputs.customers import ProfileInput
from consumers.inputs.orders import OrderInput
from consumers.merges.messages import MergeDecision, Merges, decode_merge_message
from consumers.runtime.partition_batch import DECISIONS, PartitionBatch, TopicEvents
from consumers.runtime.protocols import Loaded
from state.customers.records import CustomerBatch, unpack
from state.partitions.partition_store import OwnedPartition
from stream.model.baseline_zero import RfmTiers
from stream.moves.handler import SegmentHandler
from stream.moves.hysteresis import Hysteresis
from stream.moves.merged_departures import PROFILE_PART, RECORD_PART
from tests.building import HALF_LIFE_MS, NOW_MS, topic_slice
from tests.shop import FAR_MS, message, order


class Tiers:
    segmenter = RfmTiers(HALF_LIFE_MS)


HANDLER = SegmentHandler(Tiers(), half_life_ms=HALF_LIFE_MS, hysteresis=Hysteresis.uniform(0.1), duplicate_window=256)
VISITOR_PROFILE = json.dumps(
    {"event_id": "p", "customer_id": "visitor", "occurred_at": "2025-05-01T00:00:00Z", "city": "Porto"}
).encode()


def apply(messages, decisions=(), unknown=(), aliases=None, profiles=None, known=None):
    """One micro-batch through the handler; `profiles` and `known` are what Redis held, by customer."""
    batch = PartitionBatch(0, merges=Merges(list(decisions), list(unknown), aliases=aliases or {}))
    for source in (OrderInput(Money("USD", {}, str), 1 << 20), ProfileInput(1 << 20)):
        values = [each.value for each in messages if each.topic == source.topic]
        if values:
            columns = source.decode(values, FAR_MS).columns
            batch.events[source.topic] = TopicEvents(columns, topic_slice(source.topic, []), np.arange(len(values)))
    ids, slots = batch.customer_ids()
    customers = unpack(ids, [(known or {}).get(name) for name in ids]) if ids else CustomerBatch.blank([])
    customers.profiles = {ids.index(name): document for name, document in (profiles or {}).items()}
    columns = {topic: part.columns for topic, part in batch.events.items()}
    loaded = Loaded(OwnedPartition(0, 1, {}), customers, columns, slots, NOW_MS, batch.merges)
    assert len(slots.get(DECISIONS, ())) == len(decisions)
    return HANDLER.apply([loaded])[0]


BOUGHT = [order("visitor", "2025-05-02T00:00:00Z", 20.0), order("anna", "2025-05-03T00:00:00Z", 30.0)]


def test_who_leaves_is_not_saved_and_takes_record_profile_and_aliases_along():
    profile_of_another = message("customers", event_id="q", customer_id="anna", occurred_at="2025-05-04T00:00:00Z")
    made = apply(
        [*BOUGHT, profile_of_another],
        [MergeDecision("visitor", "bea")],
        aliases={"visitor": {"cookie"}},
        profiles={"visitor": VISITOR_PROFILE},
    )
    assert made.customers.ids == ["anna"]
    assert set(made.profiles) == {"anna"}
    (departure,) = made.departures
    assert (departure.previous_id, departure.customer_id) == ("visitor", "bea")
    handover = decode_merge_message(departure.handover)
    assert handover.aliases == ["cookie"]
    assert handover.parts[PROFILE_PART] == VISITOR_PROFILE
    assert unpack(["bea"], [handover.parts[RECORD_PART]]).rows["gross"].tolist() == [20_000]


def test_a_membership_ends_with_a_change_that_names_who_goes_on():
    made = apply(BOUGHT, [MergeDecision("visitor", "bea")])
    changes = [change for change in made.changes if change.customer_id == "visitor"]
    assert [change.change_number for change in changes] == [1, 2]
    assert (changes[1].cause, changes[1].merged_into, changes[1].segment_id) == ("merge", "bea", None)
    assert changes[1].previous == changes[0].segment_id


def test_the_sums_are_those_of_the_others_alone():
    left, without = apply(BOUGHT, [MergeDecision("visitor", "bea")]), apply(BOUGHT[1:])
    assert left.sums.counts.tolist() == without.sums.counts.tolist()
    np.testing.assert_array_equal(left.sums.sums, without.sums.sums)


def test_a_customer_nobody_knows_leaves_a_pointer_only():
    made = apply(BOUGHT, unknown=[MergeDecision("cookie", "bea")])
    assert sorted(made.customers.ids) == ["anna", "visitor"]
    (departure,) = made.departures
    assert decode_merge_message(departure.handover).parts == {}
    (ending,) = [change for change in made.changes if change.customer_id == "cookie"]
    assert (ending.change_id, ending.previous, ending.merged_into) == ("cookie:1", None, "bea")
