"""Nothing is queued, sent or noted of who was erased, whenever the erasure comes; on a real Redis."""

import threading
import time

import pytest

from events.topics.partitioning import partition_of
from state.campaigns.contacts import ContactStore, FrequencyCap
from state.campaigns.deliveries import Attempt, DeadDelivery, Delivery, DeliveryStore
from state.customers.secondary_data_erasure import erase_secondary_data
from state.erasures.erased_customers import read_erased_customers
from state.store import keys
from stream.campaigns.erased_recipients import ErasedRecipients
from stream.campaigns.webhook_request import new_secret
from tests.stream.campaigns.receiver import Receiver
from tests.stream.campaigns.test_dispatcher import PARTITIONS, Campaign, dispatcher, run_until

ANNA = "anna-erased-25"


@pytest.fixture
def receiver():
    with Receiver(new_secret()) as server:
        yield server


def erase(redis, customer_id=ANNA):
    """What an erasure does in Redis, in its order."""
    home = partition_of(customer_id, PARTITIONS)
    redis.sadd(keys.erased(home), read_erased_customers(redis, home).digest(customer_id))
    erase_secondary_data(redis, customer_id, PARTITIONS)


def holding(redis, text=ANNA):
    return [key for key in redis.scan_iter() if text.encode() in key or text.encode() in redis.dump(key)]


def delivery(customer_id=ANNA, also=()):
    return Delivery(
        id=f"msg-{len(customer_id)}",
        trigger="winback",
        change_id=f"{customer_id}:1",
        customer_id=customer_id,
        segment_id="s1",
        body=f'{{"customer_id":"{customer_id}"}}',
        changed_ms=1,
        also_names=list(also),
    )


def attempt(of, outcome):
    return Attempt(
        at_ms=1, trigger=of.trigger, id=of.id, change_id=of.change_id, customer_id=of.customer_id, outcome=outcome,
        attempt=1,
    )  # fmt: skip


@pytest.fixture(autouse=True)
def plain_dumps(redis):
    redis.config_set("rdbcompression", "no")


@pytest.mark.parametrize("answer", [200, 500])
@pytest.mark.parametrize("attempts", [1, 4])
def test_a_webhook_that_was_called_meanwhile_leaves_nothing(redis, receiver, answer, attempts):
    campaign = Campaign(redis, receiver, cap=2)
    called, erased = threading.Event(), threading.Event()

    def behave(number):
        called.set()
        assert erased.wait(20)
        return answer

    receiver.behave = behave
    campaign.queue(ANNA)

    def erased_in_flight():
        if called.is_set() and not erased.is_set():
            erase(redis)
            erased.set()
        return erased.is_set() and bool(receiver.taken or answer != 200) and campaign.waiting() == 0

    run_until(erased_in_flight, dispatcher(redis, trigger_attempts=attempts))
    time.sleep(0.1)
    assert holding(redis) == []
    assert campaign.outcomes() == {}
    assert campaign.deliveries.dead() == []


def test_who_is_erased_is_not_queued_called_or_counted(redis, receiver):
    campaign = Campaign(redis, receiver, cap=2)
    campaign.queue(ANNA, "bert")
    home = partition_of(ANNA, PARTITIONS)
    redis.sadd(keys.erased(home), read_erased_customers(redis, home).digest(ANNA))
    run_until(lambda: campaign.waiting() == 0, dispatcher(redis))
    assert campaign.outcomes() == {"bert": "delivered"}
    assert len(receiver.calls) == 1
    assert not redis.exists(keys.contacts(ANNA))
    assert campaign.queue(ANNA, number=2) == 0


@pytest.mark.parametrize("named", ["the customer", "the one that it was merged into"])
def test_each_way_into_redis_asks_for_the_tombstone(redis, named):
    store = DeliveryStore(redis, PARTITIONS)
    mine = delivery() if named == "the customer" else delivery("bert", [ANNA])
    erase(redis)
    assert store.add("winback", [mine], 1) == 0
    assert store.add_read({"winback": [mine]}, "segment-changes", {0: None}, {0: 1}, 1) == 0
    store.settle(mine, attempt(mine, "dead"))
    store.retry(mine, attempt(mine, "failed"), 9)
    store.requeue(DeadDelivery(delivery=mine, died_ms=1, reason="404"), 9)
    caps = [FrequencyCap(5, 7.0, "")]
    assert not ContactStore(redis, PARTITIONS).reserve("winback", mine.id, mine.customers, [mine.customer_id], 1, caps)
    assert holding(redis) == holding(redis, "bert") == []
    assert store.positions("segment-changes", [0]) == {0: 1}


def test_a_delivery_that_names_the_survivor_goes_with_the_survivor(redis, receiver):
    campaign = Campaign(redis, receiver)
    campaign.deliveries.add("winback", [delivery("bert", [ANNA])], 1)
    erase(redis)
    assert campaign.waiting() == 0
    assert holding(redis) == []


class Topic:
    """The topic of erasures as it was read."""

    def __init__(self, salt, digests):
        self._found = {salt: digests}

    def with_any_salt(self):
        return self._found


def test_a_redis_that_has_lost_the_tombstone_is_not_believed(redis):
    home, told = partition_of(ANNA, PARTITIONS), read_erased_customers(redis, 0)
    erased = ErasedRecipients(
        DeliveryStore(redis, PARTITIONS), Topic(told.salt, {home: {told.digest(ANNA)}}), PARTITIONS
    )
    assert erased.among([ANNA, "bert"]) == set()
    erased.follow()
    assert erased.among([ANNA, "bert"]) == {ANNA}
    redis.flushdb()
    assert erased.among([ANNA, "bert"]) == {ANNA}
    erase(redis, "bert")
    assert erased.among([ANNA, "bert"]) == {ANNA, "bert"}
