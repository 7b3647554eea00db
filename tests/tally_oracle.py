"""What an experiment's tallies should be, from its events in plain Python: no state, no order, none of Shoal's code."""

from collections import defaultdict
from datetime import datetime
from decimal import Decimal

from events.time_units import DAY_MS

SUMS = (
    "exposed", "converted", "retained", "revenue", "revenue_squares", "orders", "order_squares", "revenue_orders",
    "pre_revenue", "pre_squares", "pre_cross", "contaminated", "repeated",
)  # fmt: skip


def tallied(events, definition, segment_of=lambda customer, at: "unknown", tie=lambda event: event["event_id"]):
    """Return the sums by (variant, segment) and what was left out, from (topic, event) pairs in any order.

    `segment_of(customer, at_ms)` is the segment that a customer held; `tie` orders exposures at the same instant.
    An event is `merged` that was published under an id that was merged into its customer's.
    """
    unique = {(topic, event["event_id"]): event for topic, event in events}
    own = defaultdict(lambda: {"orders": [], "conversions": [], "exposures": []})
    for (topic, _), event in unique.items():
        if topic == "exposures" and (
            event["experiment"] != definition["id"] or not start(definition) <= ms(event) < end(definition)
        ):
            continue
        own[event["customer_id"]][topic].append(event)
    cells, left_out = defaultdict(lambda: dict.fromkeys(SUMS, 0)), defaultdict(int)
    for topic, event in events:
        if topic == "exposures" and event["experiment"] == definition["id"]:
            left_out["before_start"] += ms(event) < start(definition)
            left_out["after_stop"] += ms(event) >= end(definition)
    for customer, lists in own.items():
        named = sum(each.get("experiment") == definition["id"] for each in lists["conversions"])
        if definition["attribution"] == "orders":
            left_out["conversion_unused"] += named
        elif not lists["exposures"]:
            left_out["without_exposure"] += named
        if lists["exposures"]:
            _add_customer(cells, left_out, customer, lists, definition, segment_of, tie)
    return (
        {cell: tuple(sums[name] for name in SUMS) for cell, sums in cells.items()},
        {reason: count for reason, count in left_out.items() if count},
    )


def _add_customer(cells, left_out, customer, lists, definition, segment_of, tie):
    shown = sorted(lists["exposures"], key=lambda event: (ms(event), tie(event)))
    at, variant = ms(shown[0]), shown[0]["variant"]
    window, retention, pre = (
        definition[name] * DAY_MS for name in ("window_days", "retention_days", "pre_period_days")
    )
    books = defaultdict(list)
    for event in lists["orders"]:
        books[event.get("order_id")].append(event)
    revenue = pre_revenue = orders = kept = 0
    for order, events in books.items():
        bought, left, stands = net_of(events) if order else (None, 0, False)
        if bought is None:
            left_out["unmatched_refund"] += sum(at <= ms(event) < at + window for event in events)
            continue
        if at - pre <= bought < at:
            pre_revenue += net_of([event for event in events if ms(event) < at])[1]
        if at <= bought < at + window:
            revenue, orders = revenue + left, orders + stands
        if at <= bought < at + retention:
            kept += stands
        if bought >= at + window and definition["attribution"] == "orders":
            left_out["after_window"] += 1
    if definition["attribution"] == "conversions":
        revenue = orders = 0
        for event in lists["conversions"]:
            if event.get("experiment") in (None, definition["id"]):
                if ms(event) < at:
                    left_out["before_exposure"] += 1
                elif ms(event) >= at + window:
                    left_out["after_window"] += 1
                else:
                    orders, revenue = orders + 1, revenue + thousandths(event.get("value", 0))
    left_out["negative_revenue"] += revenue < 0
    sums = cells[variant, segment_of(customer, at)]
    several = len({event["variant"] for event in shown}) > 1
    sums["contaminated"] += several
    sums["repeated"] += len(shown) - 1
    if several and any(event.get("merged") for event in shown):
        left_out["merged_contaminated"] += 1
        return
    x, d, y = revenue, orders, pre_revenue
    added = (1, d > 0, kept > 1, x, x * x, d, d * d, x * d, y, y * y, x * y)
    for name, value in zip(SUMS, added, strict=False):
        sums[name] += int(value)


def net_of(events):
    """When an order was placed by its latest telling (None: never), what is left of it, and whether it stands."""
    kinds = defaultdict(list)
    for event in events:
        kinds[event.get("type", "placed")].append((ms(event), thousandths(event["amount"])))
    if not kinds["placed"]:
        return None, 0, False
    bought, amount = max(kinds["placed"])
    refunded = min(amount, sum(back for _, back in kinds["refunded"]))
    return bought, 0 if kinds["cancelled"] else amount - refunded, not kinds["cancelled"]


def ms(event):
    return instant(event["occurred_at"])


def instant(text):
    moment = datetime.fromisoformat(text)
    return round(moment.timestamp() * 1000)


def start(definition):
    return instant(definition["start"])


def end(definition):
    return instant(definition["stop"]) if definition.get("stop") else 1 << 60


def thousandths(amount):
    return int((Decimal(str(amount)) * 1000).to_integral_value())
