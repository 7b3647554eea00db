"""What holds for one id of a person holds for all: suppressions, consent, caps and value, on a real Redis."""

import json
import time

import pytest

from consumers.broker.internal_messages import StoredMessage
from events.segment_changes import ChangeBatch
from events.topics.partitioning import partition_of
from state.campaigns.suppressions import ALL, SuppressionStore, campaign_scope
from state.campaigns.triggers import TriggerStore
from state.customers.current_segment_keys import SegmentViews
from state.customers.records import CustomerBatch
from state.partitions.partition_store import PartitionStore, PartitionUpdate
from state.store import keys
from stream.campaigns.delivery_queueing import ChangeIntake
from stream.campaigns.trigger_matching import deliveries_for
from stream.campaigns.webhook_request import new_secret
from tests.building import merge_of, rows_with
from tests.stream.campaigns.receiver import Receiver
from tests.stream.campaigns.test_dispatcher import PARTITIONS, Campaign, dispatcher, run_until

IDS = ("anna", "visitor", "older")


@pytest.fixture
def receiver():
    with Receiver(new_secret()) as server:
        yield server


def became_one(redis, survivor="anna", *previous):
    SegmentViews(redis).write([merge_of(each, 100, survivor) for each in previous or IDS[1:]])
    redis.sadd(keys.aliases(partition_of(survivor, PARTITIONS), survivor), *(previous or IDS[1:]))


@pytest.mark.parametrize("suppressed", IDS)
@pytest.mark.parametrize("scope", [ALL, campaign_scope("winback")])
def test_a_suppression_of_any_id_is_one_of_the_person(redis, receiver, suppressed, scope):
    SuppressionStore(redis).add(scope, [suppressed])
    became_one(redis)
    campaign = Campaign(redis, receiver)
    campaign.queue(*IDS, "bert")
    run_until(lambda: campaign.waiting() == 0, dispatcher(redis))
    assert campaign.outcomes() == dict.fromkeys(IDS, "suppressed") | {"bert": "delivered"}


@pytest.mark.parametrize("asked", ["assumed", "required"])
def test_consent_is_that_of_the_survivors_profile(redis, receiver, asked):
    became_one(redis)
    campaign = Campaign(redis, receiver)
    for number, (consent, outcome) in enumerate([(False, "no-consent"), (True, "delivered")], 1):
        profile = json.dumps({"consent": {"marketing": consent}})
        redis.hset(keys.profiles(partition_of("anna", PARTITIONS)), "anna", profile)
        campaign.queue("visitor", number=number)
        run_until(lambda: campaign.waiting() == 0, dispatcher(redis, consent=asked))
        assert campaign.outcomes()["visitor"] == outcome


def test_contacts_with_all_ids_count_towards_a_cap_also_those_before_the_merge(redis, receiver):
    campaign = Campaign(redis, receiver, cap=3)
    for each in IDS[:2]:
        campaign.queue(each)
        run_until(lambda: campaign.waiting() == 0, dispatcher(redis))
    became_one(redis)
    campaign.queue("older")
    run_until(lambda: campaign.waiting() == 0, dispatcher(redis))
    assert campaign.outcomes() == dict.fromkeys(IDS, "delivered")
    campaign.queue("anna", "bert", number=2)
    run_until(lambda: campaign.waiting() == 0, dispatcher(redis))
    assert campaign.outcomes() == dict.fromkeys(IDS, "delivered") | {"anna": "capped", "bert": "delivered"}
    assert redis.zcard(keys.contacts("anna")) == 3
    assert redis.ttl(keys.contacts("anna")) > 6 * 86_400
    assert not redis.exists(keys.contacts("visitor"))


def test_a_contact_that_came_to_nothing_does_not_count_though_a_merge_came_between(redis, receiver):
    campaign = Campaign(redis, receiver, cap=1)
    receiver.behave = lambda number: 500 if number <= 4 else 200

    def given_up():
        if receiver.calls and not redis.exists(keys.segment("visitor")):
            became_one(redis)
        return campaign.waiting() == 0

    campaign.queue("visitor")
    run_until(given_up, dispatcher(redis))
    assert campaign.outcomes() == {"visitor": "dead"}
    campaign.queue("anna")
    run_until(lambda: campaign.waiting() == 0, dispatcher(redis))
    assert campaign.outcomes()["anna"] == "delivered"


def test_a_change_without_a_segment_is_queued_and_delivered(redis, receiver):
    campaign = Campaign(redis, receiver, causes=["merge"])
    became_one(redis)
    now_ms = time.time_ns() // 1_000_000
    made = deliveries_for([campaign.trigger], [(merge_of("visitor", 2, "anna"), now_ms)], dict)
    assert campaign.deliveries.add("winback", made["winback"], now_ms) == 1
    run_until(lambda: campaign.waiting() == 0, dispatcher(redis))
    assert campaign.outcomes() == {"visitor": "delivered"}


@pytest.mark.parametrize(("least", "queued"), [(200, 1), (300, 0)])
def test_the_value_of_a_merged_customer_is_that_of_the_person(redis, receiver, least, queued):
    campaign = Campaign(redis, receiver, causes=["merge"], min_value=least)
    store, home = PartitionStore(redis, keys.SEGMENTS_GROUP), partition_of("anna", PARTITIONS)
    batch = CustomerBatch.blank(["anna"])
    batch.rows[:], batch.known[:] = rows_with(placed=2, gross=250_000), True
    store.save(store.claim(home), PartitionUpdate(batch, {}, 0, None, 0, {}, {}, 0, []))
    became_one(redis)
    (value,) = ChangeBatch.of([merge_of("visitor", 2, "anna")]).encode()
    message = StoredMessage("segment-changes", partition_of("visitor", PARTITIONS), 7, b"visitor", value)
    intake = ChangeIntake(redis, TriggerStore(redis), campaign.deliveries, PARTITIONS)
    assert (
        intake.add([(message, time.time_ns() // 1_000_000)], {message.partition: None}, {message.partition: 8})
        == queued
    )
    assert campaign.deliveries.positions("segment-changes", [message.partition]) == {message.partition: 8}
