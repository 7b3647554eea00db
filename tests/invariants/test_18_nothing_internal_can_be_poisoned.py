"""Invariant 18: any bytes on any topic of ours are skipped, counted and named, never fatal."""

import json

import pytest
from typer.testing import CliRunner

from cli.main import app
from consumers.dead_letters.stored_letters import DeadLetterLog
from consumers.entries.entry_log import EntryLog
from consumers.history.erasure_log import ErasureLog
from consumers.history.segment_changes_reader import newest_changes, read_changes
from events.schema.example_messages import EXAMPLES
from events.topics.partitioning import partition_of
from events.topics.specs import merges_topic
from queries.operations.change_feed import ChangeFeed
from state.operations.background_jobs import BackgroundJobs
from state.operations.skipped_messages import SkippedMessages
from state.store import keys
from stream.campaigns.webhook_request import new_secret
from stream.erasure.erase_everywhere import ErasureRequests
from tests.deployment import Message
from tests.shop import order, purchases
from tests.stream.campaigns.receiver import Receiver

INTERNAL = ("segment-changes", "dead-letters", "models", "baselines", "erasures", "entries")
ANYTHING = (
    None,
    b"",
    b"not JSON",
    b"\x00\xff\xfe",
    b"null",
    b"[]",
    b'"text"',
    b"{}",
    b'{"customer_id": "\xff"}',
    b"[" * 100_000,
    b'{"x":' * 100_000,
    b'{"change_number": 1e400, "version": 1e400, "baseline": -1}',
    b"x" * (9 << 20),
)
"""Values that are nothing that Shoal publishes; the last is larger than what a fetch takes by default."""


def key_of(topic, value):
    """The key that Shoal gives a message of a topic."""
    if topic == "dead-letters":
        return "{topic}/{partition}/{offset}".format(**value)
    names = {"segment-changes": "customer_id", "baselines": "baseline", "erasures": "digest"}
    return str(value[names[topic]]) if topic in names else {"models": "current"}.get(topic)


def odd_ones(topic, /, **changed):
    """A message that is right but for some fields, and as a message of the topic the right key."""
    value = json.loads(json.dumps(EXAMPLES[topic])) | changed
    return Message(topic, key_of(topic, value), json.dumps(value).encode())


def poison(kafka):
    """What is put on each topic: any bytes, and messages of the right shape that fit nothing."""
    found = [Message(topic, "somebody", value) for topic in INTERNAL for value in ANYTHING]
    found += [Message(topic, None, b"without a key") for topic in INTERNAL[:1]]  # the broker refuses it on the others
    found += [
        Message(topic, "another key", json.dumps(EXAMPLES[topic]).encode())
        for topic in INTERNAL
        if topic != "dead-letters"
    ]
    anna = partition_of("anna", kafka.partitions)
    elsewhere = json.dumps(EXAMPLES["segment-changes"] | {"customer_id": "anna", "change_number": 77}).encode()
    found += [
        Message("segment-changes", "anna", elsewhere, (anna + 1) % kafka.partitions),
        odd_ones("segment-changes", customer_id="anna", segment_id="gold"),
        odd_ones("segment-changes", customer_id="anna", previous="s-1"),
        odd_ones("segment-changes", customer_id="anna", segment_id="s99999"),
        odd_ones("segment-changes", customer_id="anna", changed_at="yesterday"),
        odd_ones("segment-changes", customer_id="anna", change_number=1 << 40),
        odd_ones("dead-letters", topic=kafka.topic("baselines")),
        odd_ones("dead-letters", topic=kafka.topic("orders"), value="no base64 x"),
        odd_ones("dead-letters", dead_lettered_at="0001-01-01T00:00:00+23:59"),
        odd_ones("models", version=1_000_000, centroids=[[1.0], [2.0, 3.0]]),
        odd_ones("models", version=1_000_000, counts=[]),
        odd_ones("baselines", baseline=1_000_000, status="approved", center=[]),
        odd_ones("baselines", baseline=1_000_000, status="approved", features=["hope", "love", "faith"]),
        odd_ones("baselines", baseline=1_000_000, status="approved", scale=[0.0, 1.0, 1.0]),
        odd_ones("baselines", baseline=1_000_000, status="approved", segments=[]),
        odd_ones("erasures", salt="00"),
        odd_ones("erasures", partition=-1),
    ]
    return found


def dead_lettered():
    """The same on the topics of merges, whose messages go among the dead letters as those of inputs do."""
    return [
        Message(merges_topic(group), "somebody", each) for group in ("segments", "experiments") for each in ANYTHING
    ]


@pytest.fixture
def shoal(service, monkeypatch):
    for name, value in service.environment.items():
        monkeypatch.setenv(name, value)

    def run(*arguments, code=0):
        ran = CliRunner().invoke(app, [*arguments, "--json"])
        assert ran.exit_code == code, (ran.output, ran.exception)
        return json.loads(ran.stdout) if ran.stdout else {}

    return run


@pytest.fixture
def receiver():
    with Receiver(new_secret()) as server:
        yield server


def logs(*children):
    return "\n".join(line for child in children for line in child.log_tail(10_000))


def test_every_service_lives_on_with_any_bytes_on_every_internal_topic(service, shoal, receiver):
    shoal("trigger", "add", "all", "--url", receiver.url, "--secret", receiver.secret)
    first, triggers = service.worker(), service.spawn("triggers")
    history = purchases()[:600]
    service.publish([*history[:300], order("bert", "1998-01-01T00:00:00Z", "much")])
    service.until_processed()
    shoal("erase", history[0].key)
    service.until_quiet()
    before = service.records()
    assert before

    put = poison(service.kafka)
    refused = dead_lettered()
    service.publish([*put, *refused])
    first.kill()
    second, tallies = service.worker(), service.spawn("experiments")
    api = service.spawn("api", "--port", "0")
    service.until_owned()
    service.until_owned(key=keys.EXPERIMENT_WORKERS)
    assert service.records().keys() == before.keys(), "no message of somebody else makes a customer"
    service.publish([*history[300:], order("carl", "1998-01-01T00:00:00Z")])
    service.until_processed()
    service.until(lambda: any(b'"carl"' in body for body in list(receiver.bodies.values())), what="webhooks go on")
    assert all(child.running for child in (second, tallies, triggers, api))
    assert "Traceback" not in logs(first, second, tallies, triggers, api)

    # Each reader, one by one.
    skipped = SkippedMessages(service.redis)
    assert newest_changes(service.kafka, range(4), on_skipped=skipped.add)
    told = read_changes(service.kafka, on_skipped=skipped.add)
    assert told.latest.keys() - {history[0].key} == service.records().keys() >= before.keys() | {"carl"}
    assert ErasureLog(service.kafka, skipped.add).erased_in(partition_of(history[0].key, 4))
    service.until(lambda: shoal("dead-letters", "list")["total"] == 1 + len(refused), what="all are refused")
    (letter,) = shoal("dead-letters", "list", "--topic", "orders")["dead_letters"]
    assert letter["key"] == "bert"
    assert shoal("dead-letters", "replay", "--topic", "orders") == {
        "replayed": 1,
        "replayed_before": 0,
        "without_value": 0,
    }
    assert shoal("customer", "carl")["history"][0]["cause"]
    feed = ChangeFeed(service.kafka, skipped.add)
    service.until(lambda: feed.since(0), what="the feed follows")
    feed.close()
    shoal("erase", "bert")

    # Counted, and named with topic, partition and offset.
    report = shoal("health")
    counted = report["skipped_messages"]
    expected = {service.kafka.topic(topic): sum(each.topic == topic for each in put) for topic in INTERNAL}
    assert counted["topics"] == expected
    assert counted["count"] == len(put)
    assert counted["more"] is False
    named = {f"{each['topic']}/{each['partition']}/{each['offset']}" for each in counted["latest"]}
    assert len(named) == 20
    assert named < {place.decode() for place in service.redis.hkeys(keys.SKIPPED_MESSAGES)}
    assert report["healthy"]
    shown = CliRunner().invoke(app, ["health"]).output
    assert "skipped messages" in shown


def test_a_rollback_is_noticed_behind_a_tail_of_any_bytes(service):
    service.worker()
    service.publish([order(name, "1998-01-01T00:00:00Z") for name in ("anna", "bert")])
    service.until_processed()
    partition = partition_of("anna", 4)
    service.publish([Message("segment-changes", "x", b"x", partition) for _ in range(3_000)])
    (found,) = newest_changes(service.kafka, [partition], lambda change: change.customer_id == "anna")
    assert found[0] == partition
    assert found[1].customer_id == "anna"
    assert newest_changes(service.kafka, [partition], lambda change: False) == []


def test_an_erasure_takes_along_what_is_no_letter_but_names_the_customer(service, shoal):
    service.worker()
    service.publish([order("bert", "1998-01-01T00:00:00Z", "much"), Message("dead-letters", "odd", b"about anna")])
    service.until(lambda: shoal("dead-letters", "list")["total"] == 1, what="bert's is refused")
    shoal("erase", "anna")
    assert not any(b"anna" in (value or b"") for value in service.compacted("dead-letters").values())
    assert service.compacted("dead-letters")[b"odd"] is None
    assert [each["key"] for each in shoal("dead-letters", "list")["dead_letters"]] == ["bert"]


def test_a_background_job_that_fails_is_named_until_it_succeeds(service, shoal, monkeypatch):
    service.worker()
    service.publish([order("bert", "1998-01-01T00:00:00Z")])
    service.until_processed()
    service.until_owned()
    requests = ErasureRequests(service.redis, service.kafka, service.sink, EntryLog(service.kafka, service.redis))
    jobs = BackgroundJobs(service.redis)
    requests.request("bert", 1)
    partition = partition_of("bert", 4)
    service.until(lambda: not service.redis.scard(keys.erasing(partition)), what="the worker has done its part")
    with monkeypatch.context() as broken:
        broken.setattr(DeadLetterLog, "erase_customer", lambda *_: 1 / 0)
        for _ in range(2):
            with pytest.raises(ZeroDivisionError), jobs.running("erasures"):
                requests.finish_open()
    report = shoal("health", code=1)
    (job,) = report["failing_jobs"]
    assert (job["job"], job["failures"], job["reason"]) == ("erasures", 2, "ZeroDivisionError: division by zero")
    assert any("'erasures' has failed" in problem for problem in report["problems"])
    with jobs.running("erasures"):
        assert requests.finish_open() == 1
    assert shoal("health")["failing_jobs"] == []
