"""The lifetime value of one customer: the figures of the re-baseline from what the baseline keeps, or a reason."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch.lifetime.bg_nbd import BgNbd
from batch.lifetime.gamma_gamma import GammaGamma
from batch.lifetime.lifetime_models import LifetimeModels
from events.time_units import DAY_MS
from events.topics.partitioning import partition_of
from queries.customers.customer_and_segment_json import CustomerUnknown, Inspector
from queries.customers.lifetime_value import lifetime_of_customer, lifetime_of_record, missing_models_reason
from state.customers.records import CustomerBatch
from state.model.baselines import BaselineStore
from state.partitions.partition_store import PartitionStore, PartitionUpdate
from state.store import keys
from stream.customers.wall_or_event_time import SegmentClock
from tests.building import HALF_LIFE_MS, NOW_MS, examples, make_baseline, rows_with, shoppers

CDNOW = LifetimeModels(
    BgNbd(0.243, 4.414, 0.793, 2.426, -9582.4, 2_357), GammaGamma(6.25, 3.74, 15.44, 0, 946), 52, 0.1
)
FIGURES = ("probability_alive", "expected_orders", "expected_amount", "lifetime_value")
PARTITIONS = 4


def baseline(**changed):
    return make_baseline(3).model_copy(update={"lifetime": CDNOW.kept()} | changed)


def buyer():
    return rows_with(
        first_order=NOW_MS - 300 * DAY_MS, last_order=NOW_MS - 20 * DAY_MS, placed=5, gross=200_000, refunded=10_000
    )


def test_it_is_what_the_models_of_the_re_baseline_say():
    found = lifetime_of_record(baseline(), buyer(), NOW_MS)
    values = CDNOW.values(buyer(), np.array([NOW_MS]))
    assert [found[name] for name in FIGURES] == pytest.approx([float(each[0]) for each in values], abs=0.01)
    assert found["expected_amount"] == pytest.approx((6.25 * (15.44 + 5 * 38.0)) / (6.25 * 5 + 3.74 - 1), abs=0.01)
    assert 0 < found["lifetime_value"] < found["expected_orders"] * found["expected_amount"]
    assert (found["horizon_weeks"], found["yearly_rate"], found["baseline"], found["reason"]) == (52.0, 0.1, 3, None)


def test_whether_somebody_is_still_a_customer_cannot_be_told_from_one_order():
    once = rows_with(first_order=NOW_MS - 300 * DAY_MS, last_order=NOW_MS - 300 * DAY_MS, placed=1, gross=200_000)
    found = lifetime_of_record(baseline(), once, NOW_MS)
    assert (found["probability_alive"], found["reason"]) == (None, None)
    assert found["probability_alive_reason"] == "it cannot be told from one order"
    assert found["lifetime_value"] > 0
    assert lifetime_of_record(baseline(), buyer(), NOW_MS)["probability_alive_reason"] is None


def test_it_falls_while_the_customer_is_silent():
    later = lifetime_of_record(baseline(), buyer(), NOW_MS + 400 * DAY_MS)
    now = lifetime_of_record(baseline(), buyer(), NOW_MS)
    assert all(later[name] < now[name] for name in ("probability_alive", "expected_orders", "lifetime_value"))


@pytest.mark.parametrize(
    ("live", "rows", "said"),
    [
        (None, buyer(), "no baseline is live"),
        (make_baseline(3), buyer(), "baseline 3 was fitted before baselines kept it"),
        (
            baseline(lifetime=None, lifetime_reason="7 customers have bought twice, 50 are needed"),
            buyer(),
            "7 customers have bought twice, 50 are needed",
        ),
        (baseline(), rows_with(), "there is no order of this customer that was not cancelled"),
        (baseline(), rows_with(placed=2, cancelled=2, first_order=NOW_MS), "no order of this customer"),
        (baseline(), rows_with(placed=1, first_order=NOW_MS + 9 * DAY_MS), "no order of this customer"),
    ],
    ids=["no baseline", "an old baseline", "too few data", "no orders", "all cancelled", "only in the future"],
)
def test_what_cannot_be_told_has_a_reason_and_no_figure(live, rows, said):
    found = lifetime_of_record(live, rows, NOW_MS)
    assert said in found["reason"]
    assert [found[name] for name in FIGURES] == [None] * 4
    assert found.keys() == lifetime_of_record(baseline(), buyer(), NOW_MS).keys()


def test_of_a_whole_export_the_reason_is_that_of_the_baseline():
    assert missing_models_reason(baseline()) == ""
    assert "no baseline is live" in missing_models_reason(None)


@given(st.integers(0, 500))
@examples(60)
def test_every_customer_has_finite_figures_or_a_reason(seed):
    found = lifetime_of_record(baseline(), shoppers(1, seed), NOW_MS)
    assert (found["reason"] is None) == all(found[name] is not None for name in FIGURES[1:])
    if found["reason"] is None:
        assert np.isfinite([found[name] for name in FIGURES[1:]]).all()
        assert found["probability_alive_reason"] is not None or 0 <= found["probability_alive"] <= 1


def test_of_a_customer_in_redis_it_is_at_the_present_of_the_replay(redis):
    rows, store = buyer(), PartitionStore(redis, keys.SEGMENTS_GROUP)
    partition = partition_of("c1", PARTITIONS)
    batch = CustomerBatch.blank(["c1"])
    batch.rows[:], batch.known[:] = rows, True
    store.save(store.claim(partition), PartitionUpdate(batch, {}, 0, None, 0, {}, {}, NOW_MS, []))
    BaselineStore(redis).approve(baseline())
    inspector = Inspector(redis, SegmentClock("event"), partitions=PARTITIONS, half_life_ms=HALF_LIFE_MS)
    assert lifetime_of_customer(inspector, "c1") == lifetime_of_record(baseline(), rows, inspector.now_ms())
    assert lifetime_of_customer(inspector, "c1")["reason"] is None
    with pytest.raises(CustomerUnknown, match="'nobody'"):
        lifetime_of_customer(inspector, "nobody")
