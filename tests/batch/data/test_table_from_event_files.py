"""The table from event files: the records that a worker would keep, and what only events tell."""

import numpy as np
import pytest

from batch.data.order_log_attributes import DETAIL_UNITS
from batch.data.table_from_event_files import CustomerTableBuilder
from tests.building import HALF_LIFE_MS
from tests.shop import message, order, reference, shop_events


def log_of(messages, step=1_000, **options):
    log = CustomerTableBuilder(half_life_ms=HALF_LIFE_MS, **options)
    for topic in {each.topic for each in messages}:
        values = [each.value for each in messages if each.topic == topic]
        for start in range(0, len(values), step):
            assert log.add(topic, values[start : start + step]) == []
    return log


@pytest.fixture(scope="module")
def events():
    return shop_events(sessions=500, profiles=200, refunds=100)


def test_records_are_those_of_the_workers_fold(events):
    table, expected = log_of(events).table(), reference(events)
    assert table.ids.tolist() == sorted(expected)
    for name, row in zip(table.ids, table.rows, strict=True):
        assert row.tobytes() == expected[name].tobytes()


def test_order_repeats_and_steps_do_not_matter(events):
    chance = np.random.default_rng(1)
    shuffled = [events[place] for place in chance.permutation(len(events))] + events[:700]
    one, two = log_of(events).table(), log_of(shuffled, step=333).table()
    assert one.rows.tobytes() == two.rows.tobytes()
    assert one.details.equals(two.details)


def test_the_present_is_that_of_the_newest_event_unless_given(events):
    log = log_of(events)
    assert set(log.table().now_ms.tolist()) == {log.newest_ms}
    assert set(log.table(now_ms=5).now_ms.tolist()) == {5}


def test_words_come_from_the_newest_profile():
    said = [("2025-01-01T00:00:00Z", "DE"), ("2025-03-01T00:00:00Z", "FR"), ("2025-02-01T00:00:00Z", "US")]
    profiles = [
        message("customers", event_id=when, customer_id="ann", occurred_at=when, country=country)
        for when, country in said
    ]
    table = log_of([*profiles, order("bob", "2025-01-01T00:00:00Z")]).table()
    assert table.profiles["country"].tolist()[0] == "FR"
    assert table.profiles["country"].isna().tolist() == [False, True]


def test_attributes_are_columns_when_they_are_declared():
    profile = message(
        "customers",
        event_id="1",
        customer_id="ann",
        occurred_at="2025-01-01T00:00:00Z",
        attributes={"spending_score": 81},
    )
    table = log_of([profile], attributes=["spending_score"]).table()
    assert table.matrix(["spending_score"]).tolist() == [[81.0]]


class TestDetails:
    def test_seasons_weekends_and_gaps(self):
        days = ["2025-01-04", "2025-01-05", "2025-01-05", "2025-05-12", "2025-11-03"]
        table = log_of([order("ann", f"{day}T{hour:02}:00:00Z") for hour, day in enumerate(days)]).table()
        (found,) = table.details[list(DETAIL_UNITS)].to_dict("records")
        assert [found[f"quarter_{quarter}"] for quarter in range(1, 5)] == [0.6, 0.2, 0.0, 0.2]
        assert found["weekend"] == 0.6
        gaps = np.array([1, 127, 175])
        assert found["gap_variation"] == pytest.approx(gaps.std(ddof=1) / gaps.mean())

    def test_two_days_are_no_rhythm(self):
        table = log_of([order("ann", f"2025-01-0{day}T00:00:00Z") for day in (1, 3)]).table()
        assert np.isnan(table.details["gap_variation"][0])

    def test_categories_of_what_was_placed_and_not_of_what_came_back(self):
        def of(name, *categories, **more):
            items = [{"sku": "x", "quantity": 1, "category": each} for each in categories]
            return order("ann", "2025-01-01T00:00:00Z", 10.0, event_id=name, order_id=name, items=items, **more)

        bought = [of("1", "toys", "home"), of("2", "toys"), of("3", "garden", type="refunded"), of("2", "toys")]
        table = log_of([*bought, order("bob", "2025-01-01T00:00:00Z")]).table()
        assert table.details["categories"].tolist()[0] == 2
        assert table.details["top_category"].tolist()[0] == "toys"
        assert table.details.loc[1, ["categories", "top_category"]].isna().all()


def test_what_a_worker_would_refuse_is_returned_with_the_reason():
    log = CustomerTableBuilder(half_life_ms=HALF_LIFE_MS)
    good = order("ann", "2025-01-01T00:00:00Z").value
    (refused,) = log.add("orders", [good, b'{"order_id": 1}'])
    assert refused[0] == 1
    assert len(log.table()) == 1


def test_topics_that_make_no_features_are_passed_over():
    log = CustomerTableBuilder(half_life_ms=HALF_LIFE_MS)
    assert log.add("exposures", [b"{}"]) == []
    assert len(log.table()) == 0
