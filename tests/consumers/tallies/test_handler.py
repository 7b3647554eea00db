"""Whatever the order, the repeats and the micro-batches: the tallies are those of a plain Python oracle."""

import xxhash
from hypothesis import given
from hypothesis import strategies as st

from events.time_units import DAY_MS
from state.customers.records import CustomerBatch, pack
from state.store import keys
from tests.building import examples
from tests.consumers.tallies.consumer import Consumer, define
from tests.tally_oracle import instant, tallied

BY_ORDERS = {
    "id": "banner", "variants": [{"name": "A"}, {"name": "B"}, {"name": "C"}], "control": "A",
    "start": "2026-03-10T00:00:00Z", "stop": "2026-03-20T00:00:00Z", "attribution": "orders",
    "window_days": 5, "retention_days": 8, "pre_period_days": 4,
}  # fmt: skip
BY_CONVERSIONS = BY_ORDERS | {"id": "mail", "attribution": "conversions", "stop": None}
CUSTOMERS = ("anna", "bert", "zoë")

days = st.integers(5, 30)
moments = days.map(lambda day: f"2026-03-{day:02d}T00:00:00Z")
customers = st.sampled_from(CUSTOMERS)
amounts = st.sampled_from([0, 5, 12.34, "0.001", 9_999_999_999])


@st.composite
def event(draw):
    topic = draw(st.sampled_from(["orders", "orders", "conversions", "exposures", "exposures"]))
    body = {
        "event_id": str(draw(st.integers(0, 12))),  # of the same id with another content, only the first may count
        "customer_id": draw(customers),
        "occurred_at": draw(moments),
    }
    if topic == "orders":
        kind = draw(st.sampled_from(["placed", "placed", "cancelled", "refunded"]))
        body |= {"type": kind, "order_id": draw(st.sampled_from("abc")), "amount": draw(amounts), "currency": "EUR"}
    elif topic == "conversions":
        body |= draw(st.sampled_from([{}, {"experiment": "mail"}, {"experiment": "banner"}, {"value": 7.5}]))
    else:
        body |= {"experiment": draw(st.sampled_from(["banner", "mail"])), "variant": draw(st.sampled_from("ABC"))}
    return topic, body


@st.composite
def histories(draw):
    """Distinct events, then an arrival of them: repeated, in any order, in any micro-batches."""
    drawn = draw(st.lists(event(), max_size=25))
    distinct = [(topic, body | {"event_id": f"{i}"}) for i, (topic, body) in enumerate(drawn)]
    repeats = draw(st.lists(st.sampled_from(distinct), max_size=6)) if distinct else []
    arrival = draw(st.permutations(distinct + repeats))
    cuts = sorted(draw(st.lists(st.integers(0, len(arrival)), max_size=4)))
    return distinct, arrival, [arrival[a:b] for a, b in zip([0, *cuts], [*cuts, len(arrival)], strict=True)]


def hold_segments(redis):
    """Anna got her first segment on the 12th; Bert was in s1 from the 7th and in s3 from the 14th; Zoë is unknown."""
    batch = CustomerBatch.blank(["anna", "bert"])
    batch.rows["segment"], batch.rows["change_number"] = [2, 3], [1, 2]
    batch.rows["since"] = [instant("2026-03-12T00:00:00+00:00"), instant("2026-03-14T00:00:00+00:00")]
    batch.rows["earlier"][1, 0] = instant("2026-03-07T00:00:00+00:00") << 16 | 1
    redis.hset(keys.customers(0), mapping=dict(zip(batch.ids, pack(batch), strict=True)))


def segment_of(customer, at):
    day = at // DAY_MS - instant("2026-03-01T00:00:00+00:00") // DAY_MS + 1
    if customer == "anna":
        return "s2" if day >= 12 else "none"
    if customer == "bert":
        return "s3" if day >= 14 else "s1"
    return "unknown"


def tie(event):
    return xxhash.xxh3_64_intdigest(event["event_id"].encode(), seed=sum(b"exposures"))


@given(history=histories())
@examples(150)
def test_any_arrival_gives_the_tallies_of_a_plain_replay(redis, history):
    distinct, arrival, batches = history
    redis.flushdb()
    hold_segments(redis)
    define(redis, BY_ORDERS)
    define(redis, BY_CONVERSIONS)
    consumer = Consumer(redis)
    for batch in batches:
        consumer.take(batch)
    for definition in (BY_ORDERS, BY_CONVERSIONS):
        cells, left_out = tallied(distinct, definition, segment_of, tie)
        found_cells, found_left_out = consumer.read(definition["id"])
        assert found_cells == cells
        # What the experiment's time leaves out is counted by event, repeated or not.
        _, repeated = tallied(arrival, definition, segment_of, tie)
        outside = {name: repeated[name] for name in ("before_start", "after_stop") if name in repeated}
        assert found_left_out == left_out | outside
    outcome_counts = consumer.owned.outcome_counts
    for topic in ("orders", "conversions", "exposures"):
        counted = sum(count for name, count in outcome_counts.items() if name.startswith(f"{topic}:"))
        assert counted == sum(name == topic for name, _ in arrival)


def test_an_order_counts_once_for_what_is_left_of_it(redis):
    define(redis, BY_ORDERS)
    consumer = Consumer(redis)

    def order(customer, event, name, amount, kind="placed", day=13):
        at = f"2026-03-{day}T10:00:00Z"
        body = {"event_id": event, "customer_id": customer, "occurred_at": at, "type": kind, "order_id": name}
        return "orders", body | {"amount": amount, "currency": "EUR"}

    def shown(customer):
        at = "2026-03-12T10:00:00Z"
        body = {"event_id": f"shown-{customer}", "customer_id": customer, "occurred_at": at}
        return "exposures", body | {"experiment": "banner", "variant": "B"}

    consumer.take([shown("resent"), shown("back"), shown("more")])
    consumer.take([order("resent", "r1", "R", 30), order("back", "b1", "B", 50), order("more", "m1", "M", 40)])
    consumer.take([order("resent", "r2", "R", 30, day=14), order("back", "b2", "B", 50, "refunded", 14)])
    consumer.take([order("back", "b3", "B", 50, "cancelled", 14), order("more", "m2", "M", 60, "refunded", 15)])
    cells, left_out = consumer.read("banner")
    assert left_out == {}
    (sums,) = cells.values()
    assert sums[3:6] == (30_000, 30_000**2, 2), "revenue, its square, orders: the cancelled one does not count"
