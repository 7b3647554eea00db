"""Invariant 15: what is missing is named, and nothing is read on or from the beginning as if it were not missing."""

import json
from functools import partial

import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient
from typer.testing import CliRunner

from cli.main import app
from events.base_error import ShoalError
from events.topics.administration import create_topics
from events.topics.specs import SEGMENT_TOPICS, topic_specs
from state.store import keys
from tests.service import event_fields
from tests.shop import order, reference, shop_events

pytestmark = pytest.mark.long

GROUP = keys.SEGMENTS_GROUP


def until_refused(service, worker, *said):
    """The worker ends with one sentence that holds all this."""
    service.until(lambda: not worker.running, what="the worker stops")
    assert worker.exit_code == 1
    (line,) = [line for line in worker.log_tail(60) if "the worker stopped:" in line]
    for each in said:
        assert each in line, line


def shoal(service, *command):
    """Run a command; return its exit code and its JSON, or what it said."""
    result = CliRunner().invoke(app, [*command, "--json"], env=service.environment)
    if isinstance(result.exception, ShoalError):
        return 1, str(result.exception)
    return result.exit_code, json.loads(result.stdout)


def assert_named(service, said):
    """`health` and `wait` say it too, and end with 1."""
    code, health = shoal(service, "health")
    assert (code, health["healthy"]) == (1, False)
    assert any(said in problem for problem in health["problems"]), health["problems"]
    code, waited = shoal(service, "wait", "--timeout", "5")
    assert code == 1
    assert said in waited


def accepted(service, *command):
    """Accept a gap, with which the deployment is healthy but for its mark; return what was accepted."""
    code, found = shoal(service, "accept-gap", *command, "--by", "ada")
    assert code == 0, found
    _, health = shoal(service, "health")
    assert health["accepted_gaps"][: len(found["accepted"])] == found["accepted"][::-1]
    assert all(each["by"] == "ada" for each in found["accepted"])
    return [
        tuple(each[name] for name in ("group", "topic", "partition", "reason", "from", "to"))
        for each in found["accepted"]
    ]


def processed(service, events):
    """A worker that has processed events; returns it."""
    worker = service.worker()
    service.publish(events)
    service.until_processed()
    service.until_quiet()
    return worker


def trim(service, topics, partitions=range(4)):
    """Delete what the topics hold, as retention does."""
    admin = AdminClient({"bootstrap.servers": service.kafka.kafka})
    places = [TopicPartition(service.kafka.topic(topic), partition, -1) for topic in topics for partition in partitions]
    [future.result() for future in admin.delete_records(places).values()]


def replace(service, topic):
    """Delete a topic and create it again."""
    admin = AdminClient({"bootstrap.servers": service.kafka.kafka})
    name = service.kafka.topic(topic)
    admin.delete_topics([name])[name].result()
    service.until(lambda: name not in admin.list_topics(timeout=10).topics, what="the topic is gone")
    service.until(partial(_created, service), what="the topic is there again")


def _created(service):
    create_topics(service.kafka.kafka, topic_specs(service.kafka))
    return True


@pytest.mark.parametrize("running", [True, False], ids=["running", "starting"])
def test_an_offset_that_is_missing_where_events_were_counted_stops_the_worker(service, running):
    events = [order("anna", f"1998-01-{day:02d}T00:00:00Z") for day in range(1, 29)]
    worker = processed(service, events)
    partition = next(p for p in range(4) if service.redis.hexists(keys.customers(p), "anna"))
    before = service.records()
    if not running:
        worker.stop()
    service.redis.hdel(keys.offsets(partition, GROUP), service.kafka.topic("orders"))
    until_refused(
        service,
        worker if running else service.worker(),
        f"Redis has no offset of {service.kafka.topic('orders')}",
        "28 of its events were counted",
        f"`shoal accept-gap orders {partition}`",
    )
    assert event_fields(service.records()) == event_fields(before) == event_fields(reference(events))
    assert_named(service, "28 of its events were counted")
    assert accepted(service, "orders") == [(GROUP, "orders", partition, "offset lost", 28, 28)]
    worker = service.worker()
    more = order("anna", "1998-02-01T00:00:00Z")
    service.publish([more])
    service.until_processed()
    assert event_fields(service.records()) == event_fields(reference([*events, more]))


@pytest.mark.parametrize("lost", ["all customers of a partition", "one customer"])
@pytest.mark.parametrize("running", [True, False], ids=["running", "starting"])
def test_customers_that_are_missing_stop_the_worker_before_anybody_is_filled_in_wrongly(service, running, lost):
    events = shop_events(sessions=100)
    worker = processed(service, events[:3_000])
    ids = service.redis.hkeys(keys.customers(1))
    if not running:
        worker.stop()
    if lost == "one customer":
        service.redis.hdel(keys.customers(1), ids[0])
    else:
        service.redis.delete(keys.customers(1))
    left = service.redis.hgetall(keys.customers(1))
    service.publish(events[3_000:])
    said = f"holds {len(left)} customers where {len(ids)} were saved"
    until_refused(service, worker if running else service.worker(), said, "Put Redis back from a backup")
    assert service.redis.hgetall(keys.customers(1)) == left
    assert_named(service, said)


def test_counts_that_are_missing_stop_the_worker(service):
    worker = processed(service, shop_events(sessions=0)[:500])
    worker.stop()
    service.redis.delete(keys.outcome_counts(2, GROUP))
    until_refused(service, service.worker(), "partition 2 of segments", "Redis has no counts in fates:{2}:segments")


def test_views_that_redis_lost_are_put_back_by_a_sweep(service):
    processed(service, shop_events(sessions=0))
    views = {name: service.redis.get(name) for name in service.redis.scan_iter("segment:*")}
    assert len(views) > 200
    lost = sorted(views)[::2]
    service.redis.delete(*lost)
    service.until(lambda: service.redis.exists(*lost) == len(lost), what="the views are back")
    assert {name: service.redis.get(name) for name in service.redis.scan_iter("segment:*")} == views
    service.assert_changes_agree()


@pytest.mark.parametrize("running", [True, False], ids=["running", "starting"])
def test_a_topic_that_was_created_again_is_not_taken_for_the_one_that_was_read(service, running):
    placed = [order(f"c{i}", "1998-01-01T00:00:00Z") for i in range(100)]
    more = [order(f"c{i}", f"1998-02-0{day}T00:00:00Z") for i in range(100) for day in (1, 2, 3)]
    worker = processed(service, placed)
    if not running:
        worker.stop()
    replace(service, "orders")
    service.publish(more)
    if running:
        service.until(lambda: not worker.running, what="the worker stops")
    until_refused(service, service.worker(), "is not the topic that was read before", "`shoal accept-gap orders`")
    assert_named(service, "is not the topic that was read before")
    assert [(each[3], each[5]) for each in accepted(service, "orders")] == [("replaced", 0)] * 4
    service.worker()
    service.until_processed()
    assert event_fields(service.records()) == event_fields(reference(placed + more))


@pytest.mark.durable
def test_an_empty_redis_is_not_new_where_events_were_processed_that_kafka_has_deleted(service):
    events = shop_events(sessions=100)
    worker = processed(service, events[:2_000])
    worker.stop()
    trim(service, ["orders"])
    service.publish(events[2_000:])
    service.come_back_older({})
    until_refused(service, service.worker(), "it was processed before", "`shoal accept-gap orders ")
    assert service.records() == {}
    assert_named(service, "it was processed before")
    gaps = accepted(service, "orders")
    assert [gap[:5] for gap in gaps] == [(GROUP, "orders", partition, "state lost", 0) for partition in range(4)]
    service.worker()
    service.until_processed()
    expected = reference([each for each in events[:2_000] if each.topic != "orders"] + events[2_000:])
    found = service.records()
    assert event_fields({name: found[name] for name in expected}) == event_fields(expected)
    published = set(found) - set(expected)  # whose segments alone are known, from the changes that were published
    assert published <= set(service.changes().latest)
    assert all(found[name]["placed"] == 0 for name in published)
    assert shoal(service, "wait", "--timeout", "20")[0] == 0


@pytest.mark.durable
def test_one_partition_that_is_gone_is_not_new_either(service):
    worker = processed(service, shop_events(sessions=100)[:2_000])
    worker.stop()
    trim(service, ["orders"], [2])
    service.redis.delete(*service.redis.keys("*:{2}*"))
    until_refused(service, service.worker(), "partition 2 of segments: Redis does not have it")


@pytest.mark.durable
def test_what_was_deleted_before_it_was_read_can_be_gone_on_without(service):
    first, lost, last = ([order(f"c{i}", f"1998-01-0{day}T00:00:00Z") for i in range(50)] for day in (1, 2, 3))
    processed(service, first).stop()
    service.publish(lost)
    trim(service, ["orders"])
    service.publish(last)
    until_refused(service, service.worker(), "Kafka does not have the offset", "`shoal accept-gap orders ")
    assert_named(service, "the state in Redis stands at")
    gaps = [gap for partition in range(4) for gap in accepted(service, "orders", str(partition))]
    assert [gap[:4] for gap in gaps] == [(GROUP, "orders", partition, "deleted") for partition in range(4)]
    assert sum(gap[5] - gap[4] for gap in gaps) == 50
    service.worker()
    service.until_processed()
    assert event_fields(service.records()) == event_fields(reference(first + last))
    service.assert_changes_agree()
    code, said = shoal(service, "accept-gap", "orders")
    assert code == 1
    assert "has no gap" in said


@pytest.mark.durable
def test_a_first_start_begins_with_what_the_topics_have(service):
    events = shop_events(sessions=100)
    service.publish(events[:2_000])
    trim(service, SEGMENT_TOPICS[:3])
    service.publish(events[2_000:])
    service.worker()
    service.until(lambda: event_fields(service.records()) == event_fields(reference(events[2_000:])), what="all folded")
