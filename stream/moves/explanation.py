"""Why a customer moved, in a sentence. It is made when the change is read, so that writing changes stays cheap."""

from collections.abc import Callable
from typing import Final

from events.segment_changes import Change, MovedFeature

__all__ = ["explain_change"]

_LABELS: Final = {
    "frequency": "recent orders",
    "recent_orders": "recent orders",
    "recent_spend": "recent spend",
    "monetary": "recent spend",
    "average_order_value": "money an order",
    "engagement": "recent visits",
    "income": "income",
}
_DECAYING: Final = {"frequency", "monetary", "engagement", "orders"}
_CAUSES: Final = {
    "model": "the segment's centre has moved with its members",
    "baseline": "the segments were defined anew",
    "correction": "an order was cancelled or refunded",
    "merge": "another customer was merged into this one",
}


def explain_change(change: Change) -> str:
    """Return what made the customer move, in words.

    >>> from events.segment_changes import make_change, make_moved_feature
    >>> explain_change(make_change(
    ...     change_id="anna:4", customer_id="anna", change_number=4, changed_at="2026-01-01T00:00:00Z",
    ...     cause="time", segment_id="s5", segment="At-Risk Customers", previous="s1", previous_segment="Loyal",
    ...     baseline=1, model_version=3, distance=0.8, previous_distance=1.4, usual_gap_days=18.2,
    ...     moved=[make_moved_feature("recency", 60.9, 61.0), make_moved_feature("monetary", 212.0, 211.0)]))
    'no order for 61 days; usually every 18'
    """
    if change.merged_into is not None:
        return f"one person with {change.merged_into} from now on"
    phrases = [_CAUSES[change.cause]] if change.cause in _CAUSES else []
    silent = change.cause == "time" and any(
        each.feature == "recency" and each.after is not None for each in change.moved
    )
    for moved in change.moved:
        if silent and moved.feature in _DECAYING:
            continue  # it only follows from the silence
        phrase = _PHRASES.get(moved.feature, _feature)(moved, change)
        if phrase:
            phrases.append(phrase)
    return "; ".join(phrases) or "nothing is known of what moved"


def _recency(moved: MovedFeature, change: Change) -> str:
    usual = "" if change.usual_gap_days is None else f"usually every {_every(change.usual_gap_days)}"
    if moved.after is None:
        return "no order yet"
    if moved.before is None or moved.after >= moved.before:
        silent = "ordered today" if moved.after < 1 else f"no order for {_counted_days(moved.after)}"
        return f"{silent}; {usual}" if usual and moved.after >= 1 else silent
    return f"ordered again after {_counted_days(moved.before)}" + (f", {usual}" if usual else "")


def _feature(moved: MovedFeature, change: Change) -> str:
    name = _LABELS.get(moved.feature, moved.feature.replace("_", " "))
    if moved.after is None:
        return f"{name} no longer known"
    if moved.before is None:
        return f"{name} {_figure(moved.after)}"
    before, after = _figure(moved.before), _figure(moved.after)
    if before == after:
        return f"{name} {after}"
    return f"{name} {'up' if moved.after > moved.before else 'down'} from {before} to {after}"


def _tenure(moved: MovedFeature, _change: Change) -> str:
    return "" if moved.after is None else f"known for {_counted_days(moved.after)}"


def _orders(moved: MovedFeature, change: Change) -> str:
    if moved.after is None or moved.after == moved.before or (moved.before is None and moved.after != 1.0):
        return ""
    return "first order" if moved.after == 1.0 and not moved.before else _feature(moved, change)


_PHRASES: Final[dict[str, Callable[[MovedFeature, Change], str]]] = {
    "recency": _recency,
    "tenure": _tenure,
    "orders": _orders,
}


def _counted_days(days: float) -> str:
    if days < 1:
        return "less than a day"
    return "1 day" if days < 1.5 else f"{days:,.0f} days"


def _every(days: float) -> str:
    return "day" if days < 1.5 else f"{days:,.0f}"


def _figure(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:,.1f}"
