"""What a deployment must hold in the end, from its events by pandas and plain Python: none of Shoal's code."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import pandas as pd

Event = dict[str, Any]
PROFILE = ("age", "country", "city", "consent")


def survivor(name: str, merges: Mapping[str, str]) -> str:
    """Return the id that somebody goes on under."""
    while name in merges:
        name = merges[name]
    return name


def customers(events: Sequence[tuple[str, Event]], merges: Mapping[str, str], erased: Sequence[str]) -> pd.DataFrame:
    """Return one row for each customer: frequency, spend in thousandths, sessions, pages, and the newest profile."""
    unique = {(topic, event["event_id"]): event for topic, event in events}
    rows: dict[str, dict[str, Any]] = {}
    by_topic: dict[str, list[Event]] = defaultdict(list)
    for (topic, _), event in unique.items():
        name = survivor(event["customer_id"], merges)
        if name not in erased and topic in {"orders", "web-sessions", "customers"}:
            by_topic[topic].append(event | {"customer_id": name})
            rows.setdefault(name, {"frequency": 0, "spend": 0, "sessions": 0, "pages": 0})
    for topic, computed in (("orders", _orders), ("web-sessions", _sessions), ("customers", _profiles)):
        for name, row in computed(by_topic[topic]).items() if by_topic[topic] else ():
            rows[name] |= row
    found = pd.DataFrame.from_dict(rows, orient="index").sort_index()
    return found.reindex(columns=["frequency", "spend", "sessions", "pages", *PROFILE])


def _orders(events: list[Event]) -> dict[str, dict[str, int]]:
    """Net orders: the latest placed amount, less what was taken back, never below 0; credit notes off the sum."""
    frame = pd.DataFrame(events)
    frame["thousandths"] = [int(Decimal(str(amount)) * 1000) for amount in frame["amount"]]
    frame["kind"] = frame["type"].fillna("placed") if "type" in frame else "placed"
    found: dict[str, dict[str, int]] = {}
    for name, mine in frame.groupby("customer_id"):
        frequency = spend = 0
        for _, told in mine[mine["order_id"].notna()].groupby("order_id"):
            placed = told[told["kind"] == "placed"]
            if placed.empty or (told["kind"] == "cancelled").any():
                continue
            amount = placed.loc[pd.to_datetime(placed["occurred_at"], format="ISO8601").idxmax(), "thousandths"]
            back = told.loc[told["kind"] == "refunded", "thousandths"].sum()
            frequency, spend = frequency + 1, spend + max(0, int(amount) - int(back))
        credits_ = int(mine.loc[mine["order_id"].isna(), "thousandths"].sum())
        found[str(name)] = {"frequency": frequency, "spend": max(0, spend - credits_)}
    return found


def _sessions(events: list[Event]) -> dict[str, dict[str, int]]:
    """A visit that was sent again while it grew counts once, with its last figures."""
    frame = pd.DataFrame(events).assign(at=lambda each: pd.to_datetime(each["occurred_at"], format="ISO8601"))
    last = frame.sort_values(["at", "pages"]).groupby(["customer_id", "session_id"], as_index=False).last()
    sums = last.groupby("customer_id")["pages"].agg(["size", "sum"])
    return {str(name): {"sessions": int(row["size"]), "pages": int(row["sum"])} for name, row in sums.iterrows()}


def _profiles(events: list[Event]) -> dict[str, Event]:
    """The newest value of each field."""
    found: dict[str, Event] = defaultdict(dict)
    for event in sorted(events, key=lambda each: pd.Timestamp(each["occurred_at"])):
        found[event["customer_id"]] |= {name: event[name] for name in PROFILE if name in event}
    return found
