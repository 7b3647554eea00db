"""What is taken for missing, and what for new."""

import pytest

from consumers.continuity.discontinuity_reasons import inconsistency, replaced_logs, truncations
from consumers.continuity.log_facts import LogIdentity
from events.settings import KafkaSettings
from state.partitions.partition_consistency_state import StoredState
from state.store import keys

KAFKA = KafkaSettings(topic_prefix="t-", partitions=4)


def state(**changed):
    parts = {
        "partition": 3,
        "group": keys.SEGMENTS_GROUP,
        "offsets": {"t-orders": 10, "t-customers": 5},
        "events": {"orders": 10},
        "revision": 4,
        "records": 7,
        "customers": 7,
        "logs": {"t-orders": "c1/o1", "t-customers": "c1/p1"},
    }
    return StoredState(**{**parts, **changed})


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"offsets": {}, "events": {}, "revision": 0, "records": 0, "customers": None},  # new
        {"offsets": {"t-orders": 10}},  # nothing was counted of the others
        {"events": {"orders": 10, "purchases": 3}},  # not a topic
        {"customers": None},  # of an earlier release
    ],
)
def test_what_belongs_together_is_in_no_doubt(changed):
    assert inconsistency(KAFKA, state(**changed)) is None


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"offsets": {"t-customers": 5}}, "no offset of t-orders in offsets:{3}:segments, though 10 of its events"),
        ({"offsets": {}}, "no offset of t-orders"),
        ({"events": {}, "revision": 0, "customers": None}, "no counts in fates:{3}:segments"),
        ({"offsets": {}, "events": {}, "revision": 0, "customers": None}, "no counts in fates:{3}:segments"),
        ({"records": 6}, "holds 6 customers where 7 were saved"),
        ({"records": 0}, "holds 0 customers where 7 were saved"),
        ({"records": 8}, "holds 8 customers where 7 were saved"),
    ],
)
def test_a_part_that_is_missing_is_named(changed, said):
    assert said in (inconsistency(KAFKA, state(**changed)) or "")


def test_a_topic_is_another_one_where_its_id_differs_and_something_was_read_of_it():
    found = {"t-orders": LogIdentity("c1", "o2"), "t-customers": LogIdentity("c1", "p1")}
    assert replaced_logs(KAFKA, state(), found) == ["orders"]
    assert replaced_logs(KAFKA, state(offsets={"t-orders": 0, "t-customers": 5}), found) == []
    assert replaced_logs(KAFKA, state(logs={}), found) == []
    assert replaced_logs(KAFKA, state(), {}) == []


def test_without_topic_ids_the_cluster_tells():
    assert LogIdentity("c1", "").differs_from(LogIdentity("c2", ""))
    assert not LogIdentity("c1", "o1").differs_from(LogIdentity("c2", "o1"))
    assert not LogIdentity("", "").differs_from(LogIdentity("c2", "o1"))
    identity = LogIdentity("c1", "a/b+c")
    assert LogIdentity.parse(str(identity)) == identity


def test_what_was_deleted_before_it_was_read_is_named():
    said = truncations(KAFKA, state(), {("t-orders", 3): 12, ("t-customers", 3): 5, ("t-web-sessions", 3): 9})
    assert len(said) == 1
    assert "the state in Redis stands at 10, and the topic begins at 12" in said[0]
    assert "`shoal accept-gap orders 3`" in said[0]
