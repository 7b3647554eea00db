"""Invariant 5 with two workers, after kills: the change log alone tells every customer's segment and history."""

from collections.abc import Iterable

import msgspec

from state.customers.recent_segments import earlier_segments
from state.model.baselines import BaselineStore, ModelStore
from tests.shop import shop_events


def histories(values: Iterable[bytes]) -> dict[str, list[dict[str, object]]]:
    """Return each customer's changes in the order of their numbers; what came twice must be the same bytes."""
    found: dict[str, dict[int, bytes]] = {}
    for value in values:
        change = msgspec.json.decode(value)
        mine = found.setdefault(change["customer_id"], {})
        assert mine.setdefault(change["change_number"], value) == value
    return {name: [msgspec.json.decode(mine[number]) for number in sorted(mine)] for name, mine in found.items()}


def the_leader(service):
    """Return the process that leads, None while none does, or two still say so."""
    leading = [beat for beat in service.beats() if beat.leader]
    return service.process_of(leading[0]) if len(leading) == 1 else None


def test_the_topic_alone_gives_every_customers_segment_and_history_at_two_workers_after_kills(service):
    events = shop_events()
    third = len(events) // 3
    service.worker()
    service.worker()
    service.publish(events[:third])
    service.until_owned(2)
    service.until_processed()
    service.spawn("batch", "--every", "1s", SHOAL_FIRST_CUSTOMERS="300", SHOAL_FIRST_HISTORY_DAYS="30")
    service.until(lambda: BaselineStore(service.redis).current() is not None, what="the first baseline")
    service.until(lambda: ModelStore(service.redis).current() is not None, what="a model")
    leader = service.until(lambda: the_leader(service), what="a leader")
    version = ModelStore(service.redis).current().version
    service.publish(events[third : 2 * third])
    leader.kill()
    service.worker()
    service.until_owned(2)
    service.until(lambda: ModelStore(service.redis).current().version > version, what="a model of the next leader")
    service.publish(events[2 * third :])
    service.process_of(service.until(service.beats, what="a worker is heard")[0]).kill()
    service.until_processed()
    service.until_quiet()
    service.until(service.model_is_current, what="the next leader has added up all that the last one had")
    service.assert_model_is_sum_of_customers()
    assert_told(*service.at_one_moment(lambda: histories(service.read("segment-changes"))))


def assert_told(told, records, views):
    """What the topic tells is what records and views hold: who, where, since which change, and from where."""
    assert told.keys() == records.keys()
    for customer, changes in told.items():
        row = records[customer]
        assert [change["change_number"] for change in changes] == list(range(1, int(row["change_number"]) + 1))
        assert [change["previous"] for change in changes] == [None, *(change["segment_id"] for change in changes[:-1])]
        assert changes[-1]["segment_id"] == f"s{row['segment']}" == views[customer].segment_id
        (kept,) = earlier_segments(row.reshape(1))
        assert [segment for segment, _ in kept] == [change["segment_id"] for change in changes[-2:-5:-1]]
    assert {change["cause"] for changes in told.values() for change in changes} >= {"activity", "time", "baseline"}
    assert max(map(len, told.values())) > 3
