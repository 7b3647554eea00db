"""Invariant 11: after an erasure nothing of Shoal's own holds the id, and replayed events do not bring it back."""

import json
import os
import signal

import pytest
from typer.testing import CliRunner

from cli.main import app
from consumers.entries.entry_log import EntryLog
from consumers.merges.messages import CustomerHandover, encode_merge_message
from events.topics.partitioning import partition_of
from experiments import Experiment
from state.campaigns.deliveries import Attempt, DeliveryStore
from state.campaigns.suppressions import ALL, SuppressionStore, campaign_scope
from state.erasures.erased_customers import OpenErasures, was_erased
from state.experiments.definitions import ExperimentStore
from state.experiments.tally_store import TallyStore
from state.store import keys
from stream.campaigns.webhook_request import new_secret
from stream.erasure.erase_everywhere import ErasureRequests
from tests.deployment import Message
from tests.shop import identity, message, order, purchases
from tests.stream.campaigns.receiver import Receiver

ANNA = "anna-erased-7"
VISITOR, OLDER = "visitor-erased-7", "older-erased-7"
PERSON = [ANNA, OLDER, VISITOR]


def events_of_anna():
    return [
        *(order(ANNA, f"1998-01-{day:02}T00:00:00Z", event_id=f"a{day}") for day in range(1, 9)),
        message(
            "customers",
            event_id="p1",
            customer_id=ANNA,
            occurred_at="1998-01-01T00:00:00Z",
            age=30,
            consent={"marketing": True},
        ),
        Message("orders", ANNA, b'{"customer_id": "anna-erased-7", "amount": "much"}'),
        Message("orders", "bert", b'{"customer_id": "bert", "amount": "much"}'),
    ]


@pytest.fixture
def erase(service, monkeypatch):
    for name, value in service.environment.items():
        monkeypatch.setenv(name, value)

    def run(customer_id, *more):
        ran = CliRunner().invoke(app, ["erase", customer_id, "--json", *more])
        return ran.exit_code, (json.loads(ran.stdout) if ran.exit_code == 0 else str(ran.exception))

    return run


def holding(redis, text):
    """The keys that hold a text, in their name or anywhere in what they store."""
    held = {key: redis.dump(key) or b"" for key in redis.scan_iter(count=10_000)}  # some live for a moment
    return [key for key, value in held.items() if text.encode() in key + value]


def noted_elsewhere(redis):
    """Put the id wherever else Shoal would."""
    SuppressionStore(redis).add(ALL, [ANNA, "bert"])
    SuppressionStore(redis).add(campaign_scope("winback"), [ANNA])
    redis.zadd(keys.contacts(ANNA), {"winback msg_1": 1})
    attempt = Attempt(
        at_ms=1, trigger="t", id="msg_1", change_id=f"{ANNA}:1", customer_id=ANNA, outcome="failed", attempt=1
    )
    DeliveryStore(redis, 4)._note(redis, attempt)


def test_nothing_holds_the_id_and_replays_do_not_bring_it_back(service, erase):
    redis = service.redis
    redis.config_set("rdbcompression", "no")  # so that DUMP shows what is stored
    service.worker()
    service.publish([*purchases()[:400], *events_of_anna()])
    service.until_processed()
    service.until_quiet()
    noted_elsewhere(redis)
    customers = len(service.records())
    assert ANNA in service.records()
    assert len(holding(redis, ANNA)) >= 6

    code, said = erase(ANNA)
    assert code == 0
    assert said["also_in"] == {
        "suppressions": 2,
        "experiments": 0,
        "deliveries": 0,
        "attempts": 1,
        "contacts": 1,
        "dead_letters": 1,
    }
    assert holding(redis, ANNA) == []
    assert len(service.records()) == customers - 1
    assert [letter.key for letter in service.dead_letters()] == ["YmVydA=="]
    service.assert_model_is_sum_of_customers()

    service.publish(events_of_anna()[:9])
    ends = service.until_processed()
    assert ANNA not in service.records()
    assert holding(redis, ANNA) == []
    assert (service.outcome_counts()["orders:erased"], service.outcome_counts()["customers:erased"]) == (8, 1)
    service.assert_outcomes_add_up(ends)


def test_a_redis_that_lost_its_state_replays_without_the_erased(service, erase):
    worker = service.worker()
    service.publish([*purchases()[:300], *events_of_anna()[:9]])
    service.until_processed()
    assert erase(ANNA)[0] == 0
    before = service.records().keys()
    worker.kill()
    for partition in range(service.kafka.partitions):
        of_group = [of(partition, keys.SEGMENTS_GROUP) for of in (keys.offsets, keys.outcome_counts)]
        service.redis.delete(keys.customers(partition), keys.model(partition), *of_group)
    service.worker()
    service.until_processed()
    assert service.records().keys() == before
    assert service.redis.get(keys.segment(ANNA)) is None


def test_without_a_worker_the_erasure_waits_and_is_done_by_the_next(service, erase):
    worker = service.worker()
    service.publish(events_of_anna()[:9])
    service.until_processed()
    worker.kill()
    code, said = erase(ANNA, "--timeout", "1")
    assert code == 1
    assert "no worker" in said
    service.worker()
    service.until(lambda: ANNA not in service.records(), what="the next worker erases")
    assert erase(ANNA)[0] == 0
    assert holding(service.redis, ANNA) == []


@pytest.mark.parametrize("lost", ["all of it", "what came after the erasure"])
def test_a_redis_that_lost_the_tombstones_has_them_back_from_the_topic(service, erase, lost):
    worker = service.worker()
    service.publish([*purchases()[:300], *events_of_anna()[:9]])
    service.until_processed()
    service.until_quiet()
    SuppressionStore(service.redis).add(ALL, [ANNA])
    before = service.snapshot() if lost == "what came after the erasure" else {}
    assert erase(ANNA)[0] == 0
    others = service.records().keys()
    assert ANNA not in others
    service.come_back_older(before)
    assert lost == "all of it" or ANNA in service.records()
    service.until(lambda: service.records().keys() == others, what="all are back but the one who was erased")
    service.publish(events_of_anna()[:9])
    service.until_processed()
    assert service.records().keys() == others
    assert not SuppressionStore(service.redis).scopes_of(ANNA)
    assert service.redis.get(keys.segment(ANNA)) is None
    service.assert_model_is_sum_of_customers()
    assert worker.running


def events_of_the_person():
    visits = [
        message(
            "web-sessions",
            event_id=f"s-{each}",
            customer_id=each,
            session_id=f"s-{each[:5]}",
            started_at="1998-01-01T10:00:00Z",
            occurred_at="1998-01-01T10:05:00Z",
            pages=3,
        )
        for each in (VISITOR, OLDER)
    ]
    return [*events_of_anna()[:9], *visits]


def merges():
    return [identity(OLDER, VISITOR, "1998-02-01T00:00:00Z"), identity(VISITOR, ANNA, "1998-02-02T00:00:00Z")]


def nothing_holds(service):
    return not any(holding(service.redis, each) for each in PERSON)


@pytest.mark.parametrize("asked", [ANNA, VISITOR, OLDER])
def test_a_person_is_erased_under_all_ids_whichever_is_asked_for(service, erase, asked):
    redis = service.redis
    redis.config_set("rdbcompression", "no")
    service.worker()
    service.publish([*purchases()[:200], *events_of_the_person(), order("bert-merged", "1998-01-01T00:00:00Z")])
    service.until_processed()
    service.publish([*merges(), identity("bert-merged", "bert-stays", "1998-02-01T00:00:00Z"), identity(VISITOR, "x")])
    service.until_processed()
    service.until_quiet()
    SuppressionStore(redis).add(ALL, [OLDER])
    redis.zadd(keys.contacts(VISITOR), {"winback msg_1": 1})
    others = service.records().keys() - {ANNA}
    kept = holding(redis, "bert-merged")
    assert all(len(holding(redis, each)) >= 3 for each in PERSON)

    code, said = erase(asked)
    assert code == 0, said
    assert sorted(said["ids"]) == sorted(PERSON)
    assert said["ids"][0] == ANNA
    assert (said["also_in"]["suppressions"], said["also_in"]["contacts"]) == (1, 1)
    assert said["also_in"]["dead_letters"] == 1, "that of the second survivor"
    assert nothing_holds(service)
    assert service.records().keys() == others
    assert holding(redis, "bert-merged") == kept
    service.assert_model_is_sum_of_customers()

    again = [*events_of_the_person(), *merges(), identity("bert-stays", OLDER, "1998-03-01T00:00:00Z")]
    service.publish([*again, identity(OLDER, "carl", "1998-03-01T00:00:00Z")])
    ends = service.until_processed()
    assert service.records().keys() == others
    assert nothing_holds(service)
    assert service.outcome_counts()["identities:erased"] == 4
    service.assert_outcomes_add_up(ends)


def test_a_record_on_its_way_to_an_erased_customer_is_dropped_and_its_id_erased_too(service, erase):
    redis = service.redis
    redis.config_set("rdbcompression", "no")
    service.worker()
    service.publish([*events_of_the_person(), order("bert", "1998-01-01T00:00:00Z")])
    service.until_processed()
    assert erase(ANNA)[0] == 0
    handover = encode_merge_message(CustomerHandover(VISITOR, ANNA, {}, [OLDER]))
    service.publish([Message("merges-segments", ANNA, handover)])
    service.until_processed()
    requests = ErasureRequests(redis, service.kafka, service.sink, EntryLog(service.kafka, redis))
    service.until(lambda: requests.finish_open() >= 0 and not OpenErasures(redis).all(), what="both are erased too")
    assert nothing_holds(service)
    assert service.records().keys() == {"bert"}
    assert all(requests.status(each).status == "erased" for each in PERSON)


@pytest.mark.parametrize("lost", ["all of it", "what came after the erasure"])
def test_merges_of_the_erased_do_not_come_back_with_an_older_redis(service, erase, lost):
    service.redis.config_set("rdbcompression", "no")
    service.worker()
    service.publish([*purchases()[:200], *events_of_the_person()])
    service.until_processed()
    service.publish(merges())
    service.until_processed()
    service.until_quiet()
    before = service.snapshot() if lost == "what came after the erasure" else {}
    assert erase(VISITOR)[0] == 0
    others = service.records().keys()
    service.come_back_older(before)
    service.until(lambda: service.records().keys() == others and nothing_holds(service), what="all but the erased")
    service.until_processed()
    requests = ErasureRequests(service.redis, service.kafka, service.sink, EntryLog(service.kafka, service.redis))
    service.until(lambda: requests.finish_open() >= 0 and nothing_holds(service), what="nothing is left but tombstones")
    assert service.records().keys() == others
    service.assert_model_is_sum_of_customers()


def test_erasing_twice_and_erasing_who_was_never_merged_is_as_before(service, erase):
    service.worker()
    service.publish([*events_of_the_person(), *merges()])
    service.until_processed()
    assert erase("nobody")[1]["ids"] == ["nobody"]
    assert sorted(erase(OLDER)[1]["ids"]) == sorted(PERSON)
    code, said = erase(OLDER)
    assert (code, said["ids"]) == (0, [OLDER])
    assert was_erased(service.redis, keys.IDENTITIES_PARTITION, OLDER)


def test_what_the_experiments_keep_of_a_person_is_erased_under_all_ids_too(service, erase):
    redis = service.redis
    redis.config_set("rdbcompression", "no")
    variants = [{"name": "A"}, {"name": "B"}]
    banner = {"id": "banner", "variants": variants, "control": "A", "start": "1997-01-01T00:00:00Z"}
    ExperimentStore(redis).create("banner", Experiment.model_validate(banner).model_dump_json())
    service.worker()
    service.spawn("experiments")
    seen = [
        message(
            "exposures",
            event_id=f"x-{each}",
            customer_id=each,
            occurred_at="1998-01-01T00:00:00Z",
            experiment="banner",
            variant="B",
        )
        for each in (VISITOR, OLDER, "bert")
    ]
    service.publish([*events_of_the_person(), *seen])
    assert CliRunner().invoke(app, ["wait"]).exit_code == 0
    service.publish(merges())
    assert CliRunner().invoke(app, ["wait"]).exit_code == 0
    pointers = {keys.merged(place, keys.EXPERIMENTS_GROUP) for place in range(service.kafka.partitions)}
    assert sum(redis.hlen(each) for each in pointers) == 2
    counted = TallyStore(redis).read("banner", service.kafka.partitions).cells
    assert sum(values[0] for values in counted.values()) == 2
    assert erase(VISITOR)[0] == 0
    assert nothing_holds(service)
    service.publish([*seen, *merges()])
    assert CliRunner().invoke(app, ["wait"]).exit_code == 0
    assert nothing_holds(service)
    assert sum(redis.hlen(each) for each in pointers) == 0
    assert TallyStore(redis).read("banner", service.kafka.partitions).cells == counted, "sums that name nobody stay"
    home = partition_of("bert", service.kafka.partitions)
    assert redis.hexists(keys.exposed(home, "banner"), "bert")


@pytest.mark.parametrize("told", ["paused", "stopped"])
def test_triggers_that_read_on_after_the_erasure_write_nothing_of_it(service, erase, monkeypatch, told):
    redis = service.redis
    redis.config_set("rdbcompression", "no")
    with Receiver(new_secret()) as receiver:
        arguments = ["trigger", "add", "all", "--url", receiver.url, "--secret", receiver.secret, "--cap", "3"]
        assert CliRunner().invoke(app, arguments).exit_code == 0
        triggers = service.spawn("triggers")
        service.worker()
        service.publish([order("bert", "1998-01-01T00:00:00Z")])
        service.until(lambda: receiver.taken, what="webhooks are called")
        triggers.kill() if told == "stopped" else os.kill(triggers.pid, signal.SIGSTOP)
        service.publish([order(ANNA, "1998-01-02T00:00:00Z"), order("carl", "1998-01-02T00:00:00Z")])
        service.until_processed()
        service.until_quiet()
        assert any(ANNA.encode() in value for value in service.read("segment-changes"))
        assert erase(ANNA)[0] == 0
        service.spawn("triggers") if told == "stopped" else os.kill(triggers.pid, signal.SIGCONT)
        service.until(lambda: any("carl" in body for body in map(str, receiver.bodies.values())), what="it reads on")
        assert not any(ANNA in body for body in map(str, receiver.bodies.values()))
        assert holding(redis, ANNA) == []
