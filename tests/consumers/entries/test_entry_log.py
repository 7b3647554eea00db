"""The topic of entries on a real Kafka and Redis: nothing that a person entered is lost, whatever Redis loses."""

from datetime import UTC, datetime

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient

from api.access.api_keys import KeyStore
from api.access.scopes import Scope
from consumers.broker.topic_reader import TopicReader
from consumers.entries.entry_log import EntriesBehind, EntryLog
from events.settings import KafkaSettings
from events.topics.administration import KafkaUnreachable, create_topics
from events.topics.specs import topic_specs
from experiments import Experiment
from state.campaigns.suppressions import ALL, SuppressionStore, campaign_scope
from state.campaigns.triggers import Trigger, TriggerExists, TriggerStore, TriggerUnknown
from state.entries.applied_entries import AppliedEntries
from state.experiments.definitions import ExperimentStore
from state.operations.skipped_messages import SkippedMessages
from state.store import keys
from stream.campaigns.webhook_request import new_secret

NOW = datetime(2026, 1, 1, tzinfo=UTC)
WINBACK = campaign_scope("winback")


@pytest.fixture
def settings(entries_topic):
    return entries_topic


@pytest.fixture
def log(settings, redis):
    return EntryLog(settings, redis)


class Desk:
    """A person's ways to enter something, and all that Redis holds of it."""

    def __init__(self, log, redis):
        self.redis = redis
        self.experiments, self.triggers = ExperimentStore(redis, log), TriggerStore(redis, log)
        self.suppressions, self.api_keys = SuppressionStore(redis, log), KeyStore(redis, log)

    def trigger(self, name):
        self.triggers.add(Trigger(trigger=name, url="http://x/", secret=new_secret(), created_at=NOW))

    def held(self):
        return (
            self.experiments.all(),
            self.triggers.all(),
            {scope: set(self.suppressions.members(scope)) for scope in self.suppressions.scopes()},
            self.api_keys.all(),
        )


@pytest.fixture
def desk(log, redis):
    return Desk(log, redis)


def definition(name):
    return Experiment(id=name, variants=[{"name": "A"}, {"name": "B"}], control="A", start=NOW).model_dump_json()


def enter_everything(desk):
    """Each kind is added, changed and taken back."""
    first, second = definition("banner"), definition("banner").replace("14", "13")
    assert desk.experiments.create("banner", first)
    assert desk.experiments.replace("banner", second, first)
    assert desk.experiments.create("other", definition("other"))
    desk.trigger("winback")
    desk.trigger("gone")
    desk.triggers.remove("gone")
    assert desk.suppressions.add(ALL, ["anna", "bert", "ünï code"]) == 3
    assert desk.suppressions.add(WINBACK, ["anna"]) == 1
    assert desk.suppressions.remove(ALL, ["bert", "nobody"]) == 1
    desk.api_keys.create("shop", [Scope.SEGMENTS_READ], NOW)
    desk.api_keys.revoke(desk.api_keys.create("gone", [Scope.ADMIN], NOW).key.id)


def put(settings, key, value):
    """Publish anything on the topic."""
    producer = Producer({"bootstrap.servers": settings.kafka})
    producer.produce(settings.topic("entries"), value, key)
    assert producer.flush(10) == 0


def messages(settings):
    """Everything on the topic: keys and values."""
    with TopicReader(settings, "test") as reader:
        return [(each.key(), each.value()) for each in reader.read({(settings.topic("entries"), 0): 0})]


def test_an_emptied_redis_has_everything_back_and_nothing_that_was_taken_back(desk, redis, settings):
    enter_everything(desk)
    before = desk.held()
    assert before[2] == {ALL: {"anna", "ünï code"}, WINBACK: {"anna"}}
    assert [each.name for each in before[3]] == ["shop"]
    redis.flushdb()
    another = EntryLog(settings, redis)
    assert not another.is_current()
    another.follow()
    assert another.is_current()
    assert desk.held() == before
    assert set(before[0]) == {"banner", "other"}
    assert set(before[1]) == {"winback"}


def test_a_redis_put_back_to_an_older_copy_catches_up(desk, redis, log):
    desk.trigger("early")
    desk.suppressions.add(ALL, ["carl"])
    copy = {key: redis.dump(key) for key in redis.scan_iter()}
    enter_everything(desk)
    desk.triggers.remove("early")
    desk.suppressions.remove_everywhere("anna")
    before = desk.held()
    redis.flushdb()
    for key, value in copy.items():
        redis.restore(key, 0, value)
    assert not log.is_current()
    with pytest.raises(EntriesBehind):
        log.require_current()
    log.ensure_current()
    assert desk.held() == before
    log.require_current()


def test_what_is_entered_while_redis_is_empty_is_checked_against_the_topic(desk, redis):
    desk.trigger("winback")
    redis.flushdb()
    with pytest.raises(TriggerExists):
        desk.trigger("winback")
    desk.triggers.remove("winback")
    with pytest.raises(TriggerUnknown):
        desk.triggers.remove("winback")


def test_what_was_published_and_not_yet_written_comes_into_redis_by_itself(desk, redis, settings, log, monkeypatch):
    desk.trigger("first")

    def dies(*_):
        raise ConnectionError

    with monkeypatch.context() as broken:
        broken.setattr(AppliedEntries, "apply", dies)
        with pytest.raises(ConnectionError):
            desk.trigger("second")
    assert set(desk.triggers.all()) == {"first"}
    EntryLog(settings, redis).follow()
    assert set(desk.triggers.all()) == {"first", "second"}


def test_without_kafka_nothing_is_changed(redis):
    log = EntryLog(KafkaSettings(kafka="127.0.0.1:1"), redis)
    desk = Desk(log, redis)
    with pytest.raises(KafkaUnreachable):
        desk.suppressions.add(ALL, ["anna"])
    assert desk.held() == ({}, {}, {}, [])
    assert redis.keys() == []


def test_what_an_earlier_version_left_in_redis_alone_is_published(redis, log, settings):
    old = Desk(None, redis)
    enter_everything(old)
    before = old.held()
    log.follow()
    redis.flushdb()
    EntryLog(settings, redis).follow()
    assert old.held() == before


def test_an_erased_customer_is_named_by_nothing_that_stays(desk, redis, settings):
    desk.suppressions.add(ALL, ["anna", "bert"])
    desk.suppressions.add(WINBACK, ["anna"])
    desk.suppressions.remove(WINBACK, ["anna"])
    assert desk.suppressions.remove_everywhere("anna") == 1
    kept = dict(messages(settings))  # what compaction keeps
    assert not any(b"anna" in key or (value and b"anna" in value) for key, value in kept.items())
    redis.flushdb()
    EntryLog(settings, redis).follow()
    assert desk.suppressions.scopes_of("anna") == []
    assert desk.suppressions.scopes_of("bert") == [ALL]


def test_another_process_is_followed(desk, redis, settings, log):
    desk.trigger("winback")
    other = Desk(EntryLog(settings, redis), redis)
    other.trigger("spring")
    desk.trigger("summer")
    assert set(desk.triggers.all()) == {"winback", "spring", "summer"}
    redis.flushdb()
    log.follow()
    assert set(desk.triggers.all()) == {"winback", "spring", "summer"}


def test_a_topic_that_was_replaced_is_filled_again(desk, redis, settings, log):
    enter_everything(desk)
    before = desk.held()
    admin, topic = AdminClient({"bootstrap.servers": settings.kafka}), settings.topic("entries")
    admin.delete_topics([topic])[topic].result(10)
    specs = [spec for spec in topic_specs(settings) if spec.name == topic]
    for _ in range(100):
        if create_topics(settings.kafka, specs):
            break
    fresh = EntryLog(settings, redis)
    fresh.follow()
    redis.flushdb()
    fresh.follow()
    assert desk.held() == before


ODD = [
    (b"somebody", b"not JSON"),
    (b"somebody", None),
    (b"trigger/x", b'{"kind":"trigger","name":"x","value":"{}"}'),
    (b"trigger/y", b'{"kind":"trigger","name":"x","value":null}'),
    (b"experiment/x", b'{"kind":"experiment","name":"x","value":"[1]"}'),
    (b"api-key/x", b'{"kind":"api-key","name":"x","value":"{}"}'),
    (b"suppression/00", b'{"kind":"suppression","name":"all","customer_id":"carl"}'),
    (b"suppression/00", b'{"kind":"suppression","name":"all"}'),
    (b"suppression/\xff", None),
    (b"salt", b'{"kind":"salt","name":"salt","value":"00"}'),
    (b"salt", b'{"kind":"salt","name":"salt","value":"000102030405060708090a0b0c0d0e0f"}'),
    (b"salt", b'{"kind":"salt","name":"salt","value":"no salt"}'),
    (b"\xff\xfe", b"\xff\xfe"),
]


def test_what_is_no_entry_is_skipped_and_named(desk, redis, settings, log):
    enter_everything(desk)
    before = desk.held()
    for key, value in ODD:
        put(settings, key, value)
    log.follow()
    assert desk.held() == before
    assert len(SkippedMessages(redis).all().messages) == len(ODD) - 1  # one ends a suppression that nobody had
    redis.flushdb()
    EntryLog(settings, redis).follow()
    assert desk.held() == before


def test_a_message_that_hides_an_entry_does_not_take_it_away(desk, redis, settings, log):
    """Compaction keeps the last message of a key, whatever it is."""
    enter_everything(desk)
    before = desk.held()
    hidden = {key for key, _ in messages(settings)}
    for key in sorted(key for key in hidden if not key.startswith(b"suppression/")):
        put(settings, key, b"nothing")
    log.follow()
    last = dict(messages(settings))
    assert not [key for key in hidden if last[key] == b"nothing"]
    position = AppliedEntries(redis).position()
    log.follow()
    assert AppliedEntries(redis).position() == position, "it is put right once"
    redis.flushdb()
    EntryLog(settings, redis).follow()
    assert desk.held() == before


def test_many_suppressions_come_back_whole(desk, redis, settings):
    ids = [f"c{number}" for number in range(30_000)]
    assert desk.suppressions.add(ALL, ids) == 30_000
    redis.flushdb()
    EntryLog(settings, redis).follow()
    assert redis.scard(keys.suppressed(ALL)) == 30_000
    assert desk.suppressions.are_suppressed(ids) == [True] * 30_000
