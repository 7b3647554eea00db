"""Deliveries are queued together with the offset up to which changes were read, or not at all."""

from state.campaigns.deliveries import Delivery, DeliveryStore

TOPIC = "segment-changes"


def deliveries(*names):
    made = [
        Delivery(
            id=name, trigger="t", change_id=f"{name}:1", customer_id=name, segment_id="s1", body="{}", changed_ms=1
        )
        for name in names
    ]
    return {"t": made}


def test_the_offset_moves_with_what_is_queued(redis):
    store = DeliveryStore(redis, 4)
    assert store.positions(TOPIC, [0, 1]) == {0: None, 1: None}
    assert store.add_read(deliveries("a", "b"), TOPIC, {0: None, 1: None}, {0: 5, 1: 7}, 1) == 2
    assert store.positions(TOPIC, [0, 1]) == {0: 5, 1: 7}
    assert store.pending("t") == 2
    assert store.add_read({}, TOPIC, {0: 5}, {0: 9}, 1) == 0
    assert store.positions(TOPIC, [0, 1]) == {0: 9, 1: 7}


def test_nothing_is_queued_where_redis_is_not_where_it_was_read_to(redis):
    store = DeliveryStore(redis, 4)
    assert store.add_read(deliveries("a"), TOPIC, {0: None}, {0: 5}, 1) == 1
    for before in ({0: None}, {0: 4}, {0: 5, 1: 0}):
        assert store.add_read(deliveries("b"), TOPIC, before, dict.fromkeys(before, 9), 1) is None
    assert store.pending("t") == 1
    assert store.positions(TOPIC, [0, 1]) == {0: 5, 1: None}


def test_what_is_read_again_is_queued_once(redis):
    store = DeliveryStore(redis, 4)
    assert store.add_read(deliveries("a"), TOPIC, {0: None}, {0: 5}, 1) == 1
    assert store.add_read(deliveries("a", "b"), TOPIC, {0: 5}, {0: 6}, 2) == 1
    assert store.pending("t") == 2
