"""Deliveries against a real HTTP server that fails, stalls and recovers, on a real Redis."""

import asyncio
import json
import time
from datetime import UTC, datetime, timedelta

import pytest

from events.time_units import HOUR_MS
from events.topics.partitioning import partition_of
from state.campaigns.deliveries import DeliveryStore
from state.campaigns.suppressions import ALL, SuppressionStore, campaign_scope, segment_scope
from state.campaigns.triggers import Trigger, TriggerStore
from state.customers.profile_documents import merged, read_profiles
from state.store import keys
from stream.campaigns.contact_permission import ContactPermission
from stream.campaigns.dispatcher import Dispatcher
from stream.campaigns.settings import TriggerSettings
from stream.campaigns.trigger_matching import deliveries_for
from stream.campaigns.webhook_request import new_secret
from tests.building import change_of, profile_document
from tests.stream.campaigns.receiver import Receiver
from tests.waiting import PATIENCE_S, within

PARTITIONS = 4
STALL_S = 300.0
"""Longer than any test takes."""


class Campaign:
    """One trigger, its receiver, and what is queued for it."""

    def __init__(self, redis, receiver, name="winback", **values):
        self.redis, self.receiver = redis, receiver
        self.trigger = Trigger(
            trigger=name,
            url=receiver.url,
            secret=receiver.secret,
            created_at=datetime.now(UTC) - timedelta(days=9),
            **values,
        )
        TriggerStore(redis).add(self.trigger)
        self.deliveries = DeliveryStore(redis, PARTITIONS)

    def queue(self, *customers, number=1, age_h=0.0):
        now_ms = time.time_ns() // 1_000_000
        changes = [(change_of(each, number), now_ms - int(age_h * HOUR_MS)) for each in customers]
        made = deliveries_for([self.trigger], changes, dict)
        return self.deliveries.add(self.trigger.trigger, made[self.trigger.trigger], now_ms)

    def outcomes(self):
        return {each.customer_id: each.outcome for each in reversed(self.deliveries.attempts(1_000))}

    def waiting(self):
        return self.deliveries.pending(self.trigger.trigger)


def dispatcher(redis, **settings):
    chosen = TriggerSettings(
        **(
            {"trigger_backoff_s": 0.02, "trigger_timeout_s": 60.0, "trigger_attempts": 4, "trigger_addresses": "any"}
            | settings
        )
    )
    deliveries = DeliveryStore(redis, PARTITIONS, log_length=1_000)
    permission = ContactPermission(redis, deliveries, chosen, PARTITIONS)
    return Dispatcher(TriggerStore(redis), deliveries, permission, chosen, lambda: 0.5)


def run_until(done, *dispatchers, timeout_s=PATIENCE_S):
    async def work():
        tasks = [asyncio.create_task(each.run()) for each in dispatchers]
        deadline = time.monotonic() + timeout_s
        while not done() and time.monotonic() < deadline and not any(task.done() for task in tasks):
            await asyncio.sleep(0.02)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    asyncio.run(work())
    assert done()


@pytest.fixture
def receiver():
    with Receiver(new_secret()) as server:
        yield server


def test_what_is_queued_is_delivered_once_and_signed(redis, receiver):
    campaign = Campaign(redis, receiver)
    assert campaign.queue("anna", "b\nert", "ünï") == 3
    assert campaign.queue("anna") == 0
    run_until(lambda: campaign.waiting() == 0, dispatcher(redis), dispatcher(redis))
    assert campaign.queue("anna") == 0
    assert sorted(receiver.taken.values()) == [1, 1, 1]
    assert all(signed for _, signed in receiver.calls)
    told = sorted((json.loads(body) for body in receiver.bodies.values()), key=lambda each: each["data"]["customer_id"])
    assert [each["data"]["customer_id"] for each in told] == ["anna", "b\nert", "ünï"]
    assert {"type": "segment.changed", "trigger": "winback"}.items() <= told[0].items()
    assert told[0]["data"]["explanation"]
    assert campaign.outcomes() == dict.fromkeys(["anna", "b\nert", "ünï"], "delivered")


def test_a_receiver_that_fails_and_stalls_is_told_once_it_recovers(redis, receiver):
    campaign = Campaign(redis, receiver)
    receiver.behave = lambda number: [500, STALL_S, 302][number - 1] if number <= 3 else 200
    campaign.queue("anna")
    run_until(lambda: campaign.waiting() == 0, dispatcher(redis, trigger_timeout_s=2.0))
    attempts = campaign.deliveries.attempts()
    assert [(each.outcome, each.status) for each in reversed(attempts)] == [
        ("failed", 500),
        ("failed", None),
        ("failed", 302),
        ("delivered", 200),
    ]
    assert len({message_id for message_id, _ in receiver.calls}) == 1


def test_what_is_given_up_can_be_seen_and_sent_again(redis, receiver):
    campaign = Campaign(redis, receiver)
    receiver.behave = lambda number: 503
    campaign.queue("anna", "bert")
    run_until(lambda: len(campaign.deliveries.dead()) == 2, dispatcher(redis, trigger_attempts=2))
    assert campaign.waiting() == 0
    assert len(receiver.calls) == 4
    dead = campaign.deliveries.dead("winback")
    assert {each.reason for each in dead} == {"503 Service Unavailable: no"}
    assert campaign.deliveries.dead("other") == []
    receiver.behave = lambda number: 200
    for each in dead:
        campaign.deliveries.requeue(each, time.time_ns() // 1_000_000)
    run_until(lambda: campaign.waiting() == 0, dispatcher(redis))
    assert sorted(receiver.taken.values()) == [1, 1]
    assert campaign.deliveries.dead() == []


def test_a_dead_webhook_does_not_hold_up_another(redis, receiver):
    with Receiver(new_secret()) as stalled:
        stalled.behave = lambda number: STALL_S
        slow, quick = Campaign(redis, stalled, "slow"), Campaign(redis, receiver, "quick")
        slow.queue(*(f"c{i}" for i in range(50)))
        quick.queue(*(f"c{i}" for i in range(50)))
        with within(4.0):
            run_until(lambda: quick.waiting() == 0, dispatcher(redis))
        assert slow.waiting() == 50
        assert slow.deliveries.attempts(trigger="slow") == [], "none of its calls has ended"


def test_who_must_not_be_contacted_is_not_and_the_log_says_why(redis, receiver):
    campaign = Campaign(redis, receiver)
    suppressions = SuppressionStore(redis)
    suppressions.add(ALL, ["all"])
    suppressions.add(campaign_scope("winback"), ["campaign"])
    suppressions.add(campaign_scope("other"), ["fine"])
    suppressions.add(segment_scope("s1"), ["segment"])
    for name, marketing in [("refused", False), ("given", True)]:
        home = partition_of(name, PARTITIONS)
        redis.hset(keys.profiles(home), name, json.dumps({"consent": {"marketing": marketing}}))
    campaign.queue("all", "campaign", "segment", "refused", "given", "fine")
    campaign.queue("old", age_h=25.0)
    run_until(lambda: campaign.waiting() == 0, dispatcher(redis))
    assert campaign.outcomes() == {
        "all": "suppressed",
        "campaign": "suppressed",
        "segment": "suppressed",
        "refused": "no-consent",
        "given": "delivered",
        "fine": "delivered",
        "old": "expired",
    }
    assert len(receiver.calls) == 2


def test_a_trigger_may_ask_for_consent_given(redis, receiver):
    campaign = Campaign(redis, receiver, needs_consent=True)
    redis.hset(keys.profiles(partition_of("given", PARTITIONS)), "given", b'{"consent": {"marketing": true}}')
    campaign.queue("given", "silent")
    run_until(lambda: campaign.waiting() == 0, dispatcher(redis))
    assert campaign.outcomes() == {"given": "delivered", "silent": "no-consent"}


@pytest.mark.parametrize(
    ("consent", "unasked"), [("assumed", "delivered"), ("required", "no-consent")], ids=["assumed", "required"]
)
def test_who_said_no_is_not_contacted_whatever_profiles_came_since(redis, receiver, consent, unasked):
    no, nowhere = {"consent": {"marketing": False}}, {"consent": None, "city": "Bonn"}
    histories = {
        "A": [no],
        "B": [no, {"city": "Berlin"}],
        "C": [no, nowhere],
        "yes": [no, {"consent": {"marketing": True}}, {"city": "Berlin"}],
        "cleared": [{"consent": {"marketing": True}}, nowhere],
        "unasked": [{"city": "Berlin"}],
    }
    for name, history in histories.items():
        told = read_profiles([profile_document(f"{name}{at}", at, **fields) for at, fields in enumerate(history)])
        redis.hset(keys.profiles(partition_of(name, PARTITIONS)), name, merged(told).document())
    campaign = Campaign(redis, receiver)
    campaign.queue(*histories, "unknown")
    run_until(lambda: campaign.waiting() == 0, dispatcher(redis, consent=consent))
    refused = dict.fromkeys(["A", "B", "C"], "no-consent")
    unclear = dict.fromkeys(["cleared", "unasked", "unknown"], unasked)
    assert campaign.outcomes() == refused | unclear | {"yes": "delivered"}


def test_a_customer_is_contacted_as_often_as_the_caps_allow(redis, receiver):
    capped = Campaign(redis, receiver, "capped", cap=2)
    free = Campaign(redis, receiver, "free")
    for number in range(1, 5):
        capped.queue("anna", number=number)
        run_until(lambda: capped.waiting() == 0, dispatcher(redis))
    assert sorted(each.outcome for each in capped.deliveries.attempts(trigger="capped")) == [
        *("capped", "capped"),
        *("delivered", "delivered"),
    ]
    capped.queue("bert")
    free.queue("anna")
    run_until(lambda: not capped.waiting() and not free.waiting(), dispatcher(redis))
    assert sum(receiver.taken.values()) == 4


def test_the_cap_of_all_triggers_counts_them_together(redis, receiver):
    campaigns = [Campaign(redis, receiver, f"c{i}") for i in range(4)]
    for campaign in campaigns:
        campaign.queue("anna")
        run_until(lambda: campaign.waiting() == 0, dispatcher(redis, trigger_cap=3))  # noqa: B023 - called at once
    assert sum(receiver.taken.values()) == 3
    assert redis.ttl(keys.contacts("anna")) > 6 * 86_400


def test_a_contact_that_came_to_nothing_does_not_count(redis, receiver):
    campaign = Campaign(redis, receiver, cap=1)
    receiver.behave = lambda number: 500 if number <= 2 else 200
    campaign.queue("anna")
    run_until(lambda: campaign.waiting() == 0, dispatcher(redis, trigger_attempts=2))
    campaign.queue("anna", number=2)
    run_until(lambda: campaign.waiting() == 0, dispatcher(redis, trigger_attempts=2))
    assert [each.outcome for each in reversed(campaign.deliveries.attempts())] == ["failed", "dead", "delivered"]


def test_what_a_dispatcher_held_when_it_died_is_delivered_by_another_under_the_same_id(redis, receiver):
    campaign = Campaign(redis, receiver)
    campaign.queue("anna", "bert")
    now_ms = time.time_ns() // 1_000_000
    held = campaign.deliveries.receive("winback", now_ms, 300, 10)
    assert len(held) == 2
    assert campaign.deliveries.receive("winback", now_ms, 300, 10) == []
    run_until(lambda: campaign.waiting() == 0, dispatcher(redis))
    assert set(receiver.taken) == {each.id for each in held}


def test_a_removed_trigger_is_no_longer_called(redis, receiver):
    campaign = Campaign(redis, receiver)
    receiver.behave = lambda number: 500
    campaign.queue("anna")
    calling = dispatcher(redis, trigger_attempts=50)

    def gone():
        if receiver.calls and redis.hexists(keys.TRIGGERS, "winback"):
            TriggerStore(redis).remove("winback")
            gone.at = time.monotonic()
        return "winback" not in calling._tasks and time.monotonic() - getattr(gone, "at", time.monotonic()) > 2.0

    run_until(gone, calling)
    calls = len(receiver.calls)
    assert calls < 12
    assert not list(redis.scan_iter("deliveries:{winback}*"))


def test_a_queue_that_cannot_be_read_for_a_while_does_not_end_its_lane(redis, receiver, caplog):
    campaign = Campaign(redis, receiver)
    campaign.queue("anna")
    redis.rename(keys.deliveries_due("winback"), "away")
    redis.set(keys.deliveries_due("winback"), "not a sorted set")

    def recovered():
        if "its queue cannot be processed" in caplog.text and redis.exists("away"):
            redis.rename("away", keys.deliveries_due("winback"))
        return campaign.waiting() == 0

    run_until(recovered, dispatcher(redis))
    assert sum(receiver.taken.values()) == 1


def test_triggers_without_anything_due_cost_nothing(redis, receiver):
    """Their queues are not looked at: only what the busy one has is asked for."""
    busy = Campaign(redis, receiver, "busy")
    for number in range(200):
        Campaign(redis, receiver, f"idle-{number}")
    calling, looked_at = dispatcher(redis), []
    receive = calling._deliveries.receive

    def noted(trigger, *arguments):
        looked_at.append(trigger)
        return receive(trigger, *arguments)

    calling._deliveries.receive = noted
    ends = time.monotonic() + 1.0
    run_until(lambda: time.monotonic() > ends, calling)
    assert looked_at == []
    busy.queue("anna", "bert")
    run_until(lambda: busy.waiting() == 0, calling)
    assert set(looked_at) == {"busy"}
    assert sorted(receiver.taken.values()) == [1, 1]


def test_a_delivery_that_is_put_off_is_made_when_it_is_due(redis, receiver):
    campaign = Campaign(redis, receiver)
    receiver.behave = lambda number: 503 if number == 1 else 200
    campaign.queue("anna")
    run_until(lambda: campaign.waiting() == 0, dispatcher(redis, trigger_backoff_s=2.0))
    assert [each.outcome for each in reversed(campaign.deliveries.attempts())] == ["failed", "delivered"]
    run_until(lambda: campaign.deliveries.triggers_due(1 << 50) == [], dispatcher(redis))


def test_queues_of_an_earlier_release_are_delivered(redis, receiver):
    campaign = Campaign(redis, receiver)
    campaign.queue("anna")
    redis.delete(keys.DELIVERIES_NEXT)
    run_until(lambda: campaign.waiting() == 0, dispatcher(redis))
    assert sum(receiver.taken.values()) == 1
