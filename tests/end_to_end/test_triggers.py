"""Campaigns from end to end: orders in, signed webhooks out, with the services killed in the middle."""

import json

import pytest
from confluent_kafka.admin import AdminClient
from cryptography.fernet import Fernet
from typer.testing import CliRunner

from cli.main import app
from events.segment_changes import decode_change
from events.topics.administration import create_topics
from events.topics.specs import topic_specs
from state.store import keys
from stream.campaigns.webhook_request import new_secret
from tests.shop import order, purchases
from tests.stream.campaigns.receiver import Receiver


@pytest.fixture
def receiver():
    with Receiver(new_secret()) as server:
        yield server


@pytest.fixture
def shoal(service, monkeypatch):
    for name, value in service.environment.items():
        monkeypatch.setenv(name, value)

    def run(*arguments, code=0):
        ran = CliRunner().invoke(app, [*arguments, "--json"])
        assert ran.exit_code == code, (ran.output, ran.exception)
        return json.loads(ran.stdout) if ran.stdout else {}

    return run


def wanted(service, causes=("activity", "time")):
    """The change ids that a trigger for everything has to deliver."""
    changes = map(decode_change, service.read("segment-changes"))
    return {change.change_id for change in changes if change.cause in causes}


@pytest.mark.long
def test_each_change_is_delivered_though_everything_is_killed(service, receiver, shoal):
    receiver.behave = lambda number: 500 if number % 7 == 0 else 200
    shoal("trigger", "add", "everything", "--url", receiver.url, "--secret", receiver.secret)
    settings = {"SHOAL_TRIGGER_BACKOFF_S": "0.05", "SHOAL_TRIGGER_TIMEOUT_S": "5"}
    worker, triggers = service.worker(), service.spawn("triggers", **settings)
    service.publish(purchases()[:1_500])
    service.until(lambda: len(receiver.taken) > 20, what="deliveries have begun")
    triggers.kill()
    worker.kill()
    service.worker()
    service.spawn("triggers", **settings)
    service.until(lambda: len(receiver.taken) > 150, what="deliveries go on")
    service.until_processed()
    service.until_quiet()

    def told():
        return {json.loads(body)["data"]["change_id"] for body in list(receiver.bodies.values())}

    everyone = wanted(service)
    service.until(lambda: len(told()) >= len(everyone), what="every change is delivered")
    assert told() == everyone
    assert all(signed for _, signed in receiver.calls)
    # One message id a change: whoever drops ids that were seen is told once, however often it was sent.
    assert len(receiver.taken) == len(everyone)
    # Only what was on its way when the service was killed came twice.
    assert sum(receiver.taken.values()) - len(receiver.taken) <= 8


def test_the_command_line_from_adding_to_removing(service, receiver, shoal):
    added = shoal("trigger", "add", "new", "--url", receiver.url, "--entered", "New Customers", "--cap", "1")
    receiver.secret = added["secret"]
    assert shoal("trigger", "test", "new")["ok"]
    (body,) = receiver.bodies.values()
    assert json.loads(body)["test"] is True
    assert shoal("suppress", "add", "bert", "--campaign", "new") == {
        "scope": "campaign:new",
        "customers": 1,
        "added": 1,
    }
    service.worker()
    service.spawn("triggers")
    service.publish([order(name, "1998-01-01T00:00:00Z") for name in ("anna", "bert")])
    service.until(lambda: len(shoal("trigger", "log")["attempts"]) == 2, what="both are attempted")
    outcomes = {each["customer_id"]: each["outcome"] for each in shoal("trigger", "log", "new")["attempts"]}
    assert outcomes == {"anna": "delivered", "bert": "suppressed"}
    assert all(signed for _, signed in receiver.calls)
    (listed,) = shoal("trigger", "list")["triggers"]
    assert (listed["trigger"], listed["waiting"], listed["dead"]) == ("new", 0, 0)
    assert "secret" not in listed
    assert shoal("suppress", "list")["scopes"] == [{"scope": "campaign:new", "customers": 1}]
    assert shoal("suppress", "list", "--customer", "bert")["scopes"] == ["campaign:new"]
    assert shoal("suppress", "remove", "bert", "--campaign", "new")["removed"] == 1
    assert shoal("trigger", "remove", "new") == {"removed": "new"}
    assert shoal("trigger", "list")["triggers"] == []
    receiver.behave = lambda number: 404
    shoal("trigger", "add", "gone", "--url", receiver.url, "--secret", added["secret"])
    assert shoal("trigger", "test", "gone", code=1)["status"] == 404


def test_what_cannot_work_is_wrong_usage(shoal):
    for url in ("ftp://x.example", "http:///x", "javascript:alert(1)"):
        shoal("trigger", "add", "t", "--url", url, code=2)
    shoal("suppress", "add", code=2)
    shoal("suppress", "add", "anna", "--campaign", "a", "--segment", "s1", code=2)


def told(receiver):
    return {json.loads(body)["data"]["change_id"] for body in list(receiver.bodies.values())}


def publish_slowly(service, receiver, messages, parts=4):
    """Publish in parts; each is followed by some deliveries, so that the queue is in use all along."""
    for start in range(0, len(messages), len(messages) // parts):
        taken = len(receiver.taken)
        service.publish(messages[start : start + len(messages) // parts])
        service.until(lambda taken=taken: len(receiver.taken) > taken, what="deliveries go on")


@pytest.mark.parametrize(
    "running",
    [pytest.param(True, id="while it runs", marks=pytest.mark.long), pytest.param(False, id="while it is down")],
)
def test_each_change_is_delivered_though_redis_comes_back_older(service, receiver, shoal, running):
    """What was queued since the copy, and not yet sent, is queued again; a receiver that drops known ids hears once."""
    shoal("trigger", "add", "everything", "--url", receiver.url, "--secret", receiver.secret)
    service.worker()
    triggers = service.spawn("triggers")
    messages = purchases()[:1_500]
    publish_slowly(service, receiver, messages[:500], parts=1)
    service.until_processed()
    copy = service.snapshot()
    receiver.behave = lambda number: 503  # what comes now waits in the queue
    service.publish(messages[500:])
    service.until_processed()
    service.until(lambda: shoal("trigger", "list")["triggers"][0]["waiting"] > 50, what="many wait")
    if not running:
        triggers.kill()
    service.come_back_older(copy)
    receiver.behave = lambda number: 200
    if not running:
        service.spawn("triggers")
    service.until_processed()
    service.until_quiet()
    everyone = wanted(service)
    service.until(lambda: told(receiver) >= everyone, what="every change is delivered")
    assert told(receiver) == everyone
    assert len(receiver.taken) == len(everyone), "the same id for the same change"


def test_an_emptied_redis_does_not_lose_what_had_to_be_sent(service, receiver, shoal):
    shoal("trigger", "add", "everything", "--url", receiver.url, "--secret", receiver.secret)
    service.worker()
    service.spawn("triggers")
    receiver.behave = lambda number: 503
    service.publish(purchases()[:500])
    service.until_processed()
    service.until(lambda: shoal("trigger", "list")["triggers"][0]["waiting"] > 50, what="many wait")
    service.redis.flushdb()
    receiver.behave = lambda number: 200
    service.until_processed()
    service.until_quiet()
    everyone = wanted(service)
    service.until(lambda: told(receiver) >= everyone, what="every change is delivered")


@pytest.mark.long
@pytest.mark.parametrize("running", [True, False], ids=["while it runs", "while it is down"])
def test_changes_of_a_topic_that_was_created_again_are_delivered(service, receiver, shoal, running):
    """The stored offset is of the topic before, and the new one has grown beyond it by the time that it is read."""
    shoal("trigger", "add", "everything", "--url", receiver.url, "--secret", receiver.secret)
    worker, triggers = service.worker(), service.spawn("triggers")
    service.publish(purchases()[:200])
    service.until_processed()
    service.until_quiet()
    before = wanted(service)
    service.until(lambda: told(receiver) >= before, what="every change is delivered")
    worker.stop()
    if not running:
        triggers.stop()
    admin, name = AdminClient({"bootstrap.servers": service.kafka.kafka}), service.kafka.topic("segment-changes")
    admin.delete_topics([name])[name].result()
    service.until(lambda: name not in admin.list_topics(timeout=10).topics, what="the topic is gone")
    create_topics(service.kafka.kafka, topic_specs(service.kafka))
    service.worker()
    service.publish(purchases()[200:1_500])
    service.until_processed()
    service.until_quiet()
    if not running:
        service.spawn("triggers")
    everyone = wanted(service)
    assert len(everyone) > len(before)
    service.until(lambda: told(receiver) >= before | everyone, what="every change of the new topic is delivered")
    assert told(receiver) == before | everyone


def test_clear_secrets_are_encrypted_by_the_service_on_redis_and_on_the_topic(service, receiver, shoal, monkeypatch):
    shoal("trigger", "add", "everything", "--url", receiver.url, "--secret", receiver.secret)
    key = Fernet.generate_key().decode()
    triggers = service.spawn("triggers", SHOAL_SECRETS_KEY=key)
    service.worker()
    service.publish(purchases()[:200])
    service.until(lambda: len(receiver.taken) > 5, what="deliveries are signed with the secret")
    clear = receiver.secret.removeprefix("whsec_").encode()
    assert clear not in service.redis.hget(keys.TRIGGERS, "everything")
    assert clear not in service.compacted("entries")[b"trigger/everything"]
    assert shoal("trigger", "list")["triggers"][0]["trigger"] == "everything"
    triggers.stop()
    ended = service.spawn("triggers")
    service.until(lambda: not ended.running, what="without the key the service ends")
    assert "'everything' is encrypted under a key that is not in SHOAL_SECRETS_KEY" in "".join(ended.log_tail())
    monkeypatch.setenv("SHOAL_SECRETS_KEY", f"{Fernet.generate_key().decode()},{key}")
    assert shoal("trigger", "seal") == {"sealed": 1}
