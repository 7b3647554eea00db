"""An erased customer's id is taken out of every place, and nobody else's."""

from datetime import UTC, datetime

from events.topics.partitioning import partition_of
from state.campaigns.deliveries import Attempt, DeadDelivery, Delivery, DeliveryStore
from state.campaigns.suppressions import ALL, SuppressionStore
from state.campaigns.triggers import Trigger, TriggerStore
from state.customers.secondary_data_erasure import erase_secondary_data
from state.erasures.erased_customers import ErasureQueue, read_erased_customers
from state.store import keys
from stream.campaigns.webhook_request import new_secret


def fill(redis, customer_id):
    """Put a customer wherever an id may stand."""
    home = partition_of(customer_id, 4)
    redis.sadd(keys.EXPERIMENTS, "e1")
    redis.hset(keys.exposed(home, "e1"), customer_id, b"x")
    redis.hset(keys.purchases(home), customer_id, b"x")
    SuppressionStore(redis).add(ALL, [customer_id])
    redis.zadd(keys.contacts(customer_id), {"t 1": 1})
    redis.hset(keys.merged(home, keys.EXPERIMENTS_GROUP), customer_id, "other")
    redis.hset(keys.handovers(home, keys.EXPERIMENTS_GROUP), customer_id, b"x")
    redis.hset(keys.IDENTITIES, customer_id, "other")
    store = DeliveryStore(redis, 4)
    waiting = Delivery(
        id=f"w{customer_id}",
        trigger="t",
        change_id="1",
        customer_id=customer_id,
        segment_id="s1",
        body="",
        changed_ms=0,
    )
    store.add("t", [waiting], 1)
    dead = DeadDelivery(delivery=waiting.model_copy(update={"id": f"d{customer_id}"}), died_ms=1, reason="")
    redis.hset(keys.DEAD_DELIVERIES, dead.delivery.id, dead.model_dump_json())
    store._note(
        redis,
        Attempt(at_ms=1, trigger="t", id="1", change_id="1", customer_id=customer_id, outcome="failed", attempt=1),
    )


def places(redis, customer_id):
    return {key for key in redis.scan_iter() if customer_id.encode() in key or customer_id.encode() in redis.dump(key)}


def test_every_place_is_cleared_of_one_customer_only(redis):
    redis.config_set("rdbcompression", "no")
    secret = new_secret()
    TriggerStore(redis).add(Trigger(trigger="t", url="http://x/", secret=secret, created_at=datetime.now(UTC)))
    fill(redis, "anna-123")
    fill(redis, "bert-456")
    kept = places(redis, "bert-456")
    assert len(places(redis, "anna-123")) >= 8
    found = erase_secondary_data(redis, "anna-123", 4)
    assert found == {"suppressions": 1, "experiments": 2, "deliveries": 2, "attempts": 1, "contacts": 1}
    ids = {name for name in places(redis, "anna-123") if name != keys.deliveries_seen("t").encode()}
    assert ids == set()
    assert places(redis, "bert-456") == kept
    assert set(erase_secondary_data(redis, "anna-123", 4).values()) == {0}


def test_tombstones_are_salted_and_known_again(redis):
    erased = read_erased_customers(redis, 3)
    assert not erased
    assert "anna" not in erased
    redis.sadd(keys.erased(3), erased.digest("anna"))
    again = read_erased_customers(redis, 3)
    assert "anna" in again
    assert "bert" not in again
    redis.hset(keys.FORMAT, "erasure_salt", "00" * 16)
    assert "anna" not in read_erased_customers(redis, 3)


def test_the_queue_of_erasures(redis):
    queue = ErasureQueue(redis)
    queue.request(1, "anna")
    queue.request(1, "anna")
    queue.request(2, "bert")
    assert queue.waiting([0, 1, 2]) == {1: ["anna"], 2: ["bert"]}
    assert queue.is_waiting(1, "anna")
    assert not queue.is_waiting(2, "anna")
