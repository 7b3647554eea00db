"""Invariants 5 and 12 with two workers, after kills: the change log tells all, and a new leader loses nothing."""

import msgspec
import pytest

from state.baselines import BaselineStore, ModelStore
from state.moves import earlier_segments

from ..shop import shop_events

pytestmark = pytest.mark.kafka


def histories(messages):
    """Return each customer's changes in order of their number, of a topic replayed from nothing."""
    found = {}
    for value in messages:
        change = msgspec.json.decode(value)
        mine = found.setdefault(change["customer_id"], {})
        number = change["change_number"]
        assert mine.setdefault(number, value) == value, "a change that is sent again has the same bytes"
    return {
        customer: [msgspec.json.decode(mine[number]) for number in sorted(mine)] for customer, mine in found.items()
    }


def leading(service):
    return [beat for beat in service.beats() if beat.leader]


def kill(workers, beat):
    (worker,) = [each for each in workers if f"-{each.pid}-" in beat.worker]
    worker.kill()
    workers.remove(worker)


def test_the_topic_replayed_from_nothing_gives_every_customers_segment_and_history(service):
    events = shop_events()
    third = len(events) // 3
    workers = [service.worker(), service.worker()]
    service.publish(events[:third])
    service.until_owned(2)
    service.until_processed()
    service.spawn("batch", "--every", "1s", SHOAL_FIRST_CUSTOMERS="300", SHOAL_FIRST_HISTORY_DAYS="30")
    service.until(lambda: BaselineStore(service.redis).current() is not None, what="the first baseline")
    service.until(lambda: ModelStore(service.redis).current() is not None, what="a model")
    service.until(lambda: leading(service), what="a leader")
    version = ModelStore(service.redis).current().version
    kill(workers, leading(service)[0])
    service.publish(events[third : 2 * third])
    workers.append(service.worker())
    service.until(lambda: leading(service), what="another leader")
    service.until_owned(2)
    service.until(lambda: ModelStore(service.redis).current().version > version, what="a model of the new leader")
    service.publish(events[2 * third :])
    kill(workers, service.beats()[0])
    service.until_processed()
    service.until_quiet()
    service.assert_model_is_sum_of_customers()
    told, records = histories(service.read("segment-changes")), service.records()
    assert set(told) == {customer for customer, row in records.items() if row["segment"]}
    for customer, changes in told.items():
        row = records[customer]
        assert [change["change_number"] for change in changes] == list(range(1, int(row["change_number"]) + 1))
        assert [change["previous"] for change in changes] == [None, *(change["segment_id"] for change in changes[:-1])]
        assert changes[-1]["segment_id"] == f"s{row['segment']}"
        (kept,) = earlier_segments(row.reshape(1))
        assert [segment for segment, _ in kept] == [change["segment_id"] for change in changes[-2:-5:-1]]
    assert max(map(len, told.values())) > 2, "somebody moved"
