"""From messages to partition batches: nothing lost, nothing twice, everything beside its own message."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.inputs.currency_conversion import Money
from consumers.inputs.customers import ProfileInput
from consumers.inputs.orders import OrderInput
from consumers.inputs.web_sessions import SessionInput
from consumers.runtime.intake import Intake
from events.codec.id_hashes import event_hashes
from events.settings import KafkaSettings
from events.time_units import HOUR_MS
from state.partitions.partition_store import OwnedPartition
from tests.building import NOW_MS, examples, topic_slice

ORDERS, SESSIONS = "t-orders", "t-web-sessions"


@pytest.fixture
def intake():
    return new_intake()


def new_intake():
    inputs = [OrderInput(Money("EUR", {}, str), 1_000), SessionInput(1_000)]
    return Intake(KafkaSettings(topic_prefix="t-"), inputs, future_ms=HOUR_MS)


def owners(offsets):
    """OwnedPartition partitions, given as {partition: offsets by full topic name}."""
    return {partition: OwnedPartition(partition, 1, dict(stored)) for partition, stored in offsets.items()}


def order(event_id, **fields):
    event = {"event_id": event_id, "customer_id": f"customer of {event_id}", "occurred_at": "2026-01-01T00:00:00Z"}
    return json.dumps(event | {"order_id": "o", "amount": 1, "currency": "EUR"} | fields).encode()


def session(event_id):
    times = {"occurred_at": "2026-01-01T00:00:00Z", "started_at": "2026-01-01T00:00:00Z"}
    return json.dumps({"event_id": event_id, "customer_id": "c", "session_id": "s", "pages": 1} | times).encode()


def by_partition(batches):
    return {batch.partition: batch for batch in batches}


def event_ids(batch, topic="orders"):
    """The event ids of the messages that a batch's events stand beside; the columns must be of the same events."""
    part = batch.events[topic]
    messages = [json.loads(part.messages.values[i]) for i in part.positions.tolist()]
    found = [each["event_id"] for each in messages]
    assert part.columns.event_hashes.tolist() == event_hashes(found, topic).tolist()
    assert list(part.columns.customer_ids) == [each["customer_id"] for each in messages]
    assert len(part.columns.times) == len(found)
    return found


def test_events_are_split_by_partition_and_stay_beside_their_messages(intake):
    messages = [(0, 5, b"k", order("a")), (1, 3, b"k", order("b")), (0, 6, b"k", order("c")), (1, 9, b"k", order("d"))]
    batches, refused = intake.batches([topic_slice(ORDERS, messages)], owners({0: {}, 1: {}}), NOW_MS)
    found = by_partition(batches)
    assert {partition: event_ids(batch) for partition, batch in found.items()} == {0: ["a", "c"], 1: ["b", "d"]}
    assert found[0].offsets == {ORDERS: 7}
    assert found[1].offsets == {ORDERS: 10}
    assert refused == {0: [], 1: []}


def test_topics_of_a_partition_come_in_one_batch(intake):
    slices = [topic_slice(ORDERS, [(2, 0, b"k", order("a"))]), topic_slice(SESSIONS, [(2, 8, b"k", session("b"))])]
    (batch,), _ = intake.batches(slices, owners({2: {}}), NOW_MS)
    assert event_ids(batch) == ["a"]
    assert event_ids(batch, "web-sessions") == ["b"]
    assert batch.offsets == {ORDERS: 1, SESSIONS: 9}


@pytest.mark.parametrize("key", [None, b""])
def test_an_event_without_a_key_is_refused(intake, key):
    messages = [(0, 0, b"k", order("a")), (0, 1, key, order("b")), (0, 2, b"k", order("c"))]
    (batch,), refused = intake.batches([topic_slice(ORDERS, messages)], owners({0: {}}), NOW_MS)
    assert event_ids(batch) == ["a", "c"]
    assert [(each.position, each.reason.split(";")[0]) for each in refused[0]] == [(1, "the Kafka key is empty")]
    assert batch.outcome_counts == {"orders:dead_lettered": 1}
    assert batch.offsets == {ORDERS: 3}


def test_an_event_that_is_bad_and_has_no_key_is_refused_once(intake):
    messages = [(0, 0, None, b"bad"), (0, 1, b"k", b"bad too")]
    (batch,), refused = intake.batches([topic_slice(ORDERS, messages)], owners({0: {}}), NOW_MS)
    assert [each.position for each in refused[0]] == [0, 1]
    assert all(each.reason.startswith("not JSON") for each in refused[0])
    assert batch.outcome_counts == {"orders:dead_lettered": 2}


def test_a_batch_of_refused_events_only_moves_the_offsets(intake):
    (batch,), refused = intake.batches([topic_slice(ORDERS, [(0, 4, b"k", b"bad")])], owners({0: {}}), NOW_MS)
    assert event_ids(batch) == []
    assert batch.offsets == {ORDERS: 5}
    assert len(refused[0]) == 1


def test_what_was_consumed_before_is_skipped(intake):
    messages = [(0, offset, b"k", order(str(offset))) for offset in (4, 5, 6, 7)]
    (batch,), refused = intake.batches([topic_slice(ORDERS, messages)], owners({0: {ORDERS: 6}}), NOW_MS)
    assert event_ids(batch) == ["6", "7"]
    assert (batch.offsets, batch.outcome_counts, refused) == ({ORDERS: 8}, {}, {0: []})


def test_a_bad_event_that_was_consumed_before_is_not_dead_lettered_again(intake):
    messages = [(0, 5, b"k", b"bad"), (0, 6, b"k", order("a"))]
    (batch,), refused = intake.batches([topic_slice(ORDERS, messages)], owners({0: {ORDERS: 6}}), NOW_MS)
    assert refused == {0: []}
    assert batch.outcome_counts == {}
    assert event_ids(batch) == ["a"]


def test_offsets_of_another_topic_skip_nothing(intake):
    (batch,), _ = intake.batches([topic_slice(ORDERS, [(0, 0, b"k", order("a"))])], owners({0: {SESSIONS: 9}}), NOW_MS)
    assert event_ids(batch) == ["a"]


def test_partitions_of_other_workers_are_left_alone(intake):
    messages = [(0, 0, b"k", order("a")), (1, 0, b"k", order("b")), (2, 0, b"k", b"bad")]
    (batch,), refused = intake.batches([topic_slice(ORDERS, messages)], owners({0: {}}), NOW_MS)
    assert batch.partition == 0
    assert event_ids(batch) == ["a"]
    assert list(refused) == [0]


def test_a_slice_of_which_nothing_is_new_gives_no_batch(intake):
    slices = [topic_slice(ORDERS, [(0, 0, b"k", order("a")), (1, 0, b"k", order("b"))])]
    assert intake.batches(slices, owners({0: {ORDERS: 1}}), NOW_MS) == ([], {})
    assert intake.batches([], owners({0: {}}), NOW_MS) == ([], {})


@pytest.mark.parametrize(("instant", "accepted"), [("2026-01-01T01:00:00Z", True), ("2026-01-01T01:00:00.001Z", False)])
def test_an_event_may_lie_in_the_future_by_as_much_as_the_setting_allows(intake, instant, accepted):
    messages = [(0, 0, b"k", order("a", occurred_at=instant))]
    (batch,), _ = intake.batches([topic_slice(ORDERS, messages)], owners({0: {}}), NOW_MS)
    assert event_ids(batch) == (["a"] if accepted else [])


message = st.tuples(
    st.integers(0, 3),
    st.sampled_from([b"k", b"k", b"k", None, b""]),
    st.sampled_from(["good", "good", "good", "bad", "far", "null"]),
)


@given(st.lists(message, max_size=30), st.dictionaries(st.integers(0, 2), st.integers(0, 10)))
@examples(100)
def test_every_new_message_of_an_owned_partition_is_kept_or_refused_and_no_other_is(drawn, stored):
    reached = [0] * 4
    messages, expected = [], {}
    for number, (partition, key, kind) in enumerate(drawn):
        offset = reached[partition]
        reached[partition] += 1
        value = {"bad": b"{", "null": None, "far": order("far", occurred_at="2100-01-01T00:00:00Z")}
        messages.append((partition, offset, key, value.get(kind, order(str(number)))))
        if partition in stored and offset >= stored[partition]:
            expected.setdefault(partition, ([], []))[0 if kind == "good" and key else 1].append(number)
    slices = [topic_slice(ORDERS, messages)] if messages else []
    owned = owners({partition: {ORDERS: offset} for partition, offset in stored.items()})
    batches, refused = new_intake().batches(slices, owned, NOW_MS)
    found = by_partition(batches)
    assert set(found) == set(refused) == set(expected)
    for partition, (good, bad) in expected.items():
        batch = found[partition]
        assert event_ids(batch) == [str(number) for number in good]
        assert batch.offsets == {ORDERS: reached[partition]}
        assert batch.outcome_counts == ({"orders:dead_lettered": len(bad)} if bad else {})
        offsets = [int(each.messages.offsets[each.position]) for each in refused[partition]]
        assert offsets == [messages[number][1] for number in bad]
        assert {int(each.messages.partitions[each.position]) for each in refused[partition]} <= {partition}


def test_fields_that_are_set_aside_are_counted_beside_the_events():
    intake = Intake(KafkaSettings(topic_prefix="t-"), [ProfileInput(1_000)], future_ms=HOUR_MS)
    profile = {"customer_id": "c", "occurred_at": "2026-01-01T00:00:00Z", "city": "Bonn"}
    values = [{"age": "41"}, {"age": "?", "income": "?"}, {"age": "?", "latitude": 91}, {"age": "?"}]
    messages = [json.dumps(profile | {"event_id": str(i)} | fields).encode() for i, fields in enumerate(values)]
    rows = [(i % 2, i, b"c", value) for i, value in enumerate(messages)]
    batches, rejected = intake.batches([topic_slice("t-customers", rows)], owners({0: {}, 1: {}}), NOW_MS)
    assert {each.partition: each.outcome_counts for each in batches} == {
        0: {"customers:dead_lettered": 1},
        1: {"customers_fields:set_aside": 3},
    }
    assert [len(found) for found in rejected.values()] == [1, 0]
