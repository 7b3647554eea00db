"""Stages of a customer's lifecycle by rule: they come before the learned segments, which hold the rest.

Time alone takes a customer only down the stages: from new to one order, from the learned segments to at risk, and to
inactive. Nobody is promoted by silence, because silence only ever makes the one rule true that ranks lower.
"""

from typing import Final

import numpy as np

from events.arrays import Ints
from events.schema.outputs import Lifecycle, Stage
from events.time_units import DAY_MS
from state.customers.records import Rows

__all__ = ["STAGES", "STAGE_FEATURES", "STAGE_NAMES", "stage_words", "stages_of"]

STAGES: Final[tuple[Stage, ...]] = ("no-order", "new", "one-order", "at-risk", "inactive")
STAGE_NAMES: Final[dict[Stage, str]] = {
    "no-order": "No Order Yet",
    "new": "New Customers",
    "one-order": "One-Time Buyers",
    "at-risk": "At-Risk Customers",
    "inactive": "Inactive",
}
"""What the stages are called, unless a person renames them."""
STAGE_FEATURES: Final = ("recency", "orders")
"""The features that say why a customer is in a stage."""

_NO_ORDER, _NEW, _ONE_ORDER, _AT_RISK, _INACTIVE = range(5)


def stages_of(rows: Rows, at_ms: Ints | int, rule: Lifecycle) -> Ints:
    """Return the place in STAGES of each customer (n,) at a time (ms), -1 for those in a learned segment.

    Those are the customers who have ordered twice or more and are not later than is usual for them.
    """
    placed, last = rows["placed"].astype(np.int64), rows["last_order"]
    orders = placed - rows["cancelled"]
    silent = at_ms - last  # of who has never ordered it is anything, and does not count
    usual = (last - rows["first_order"]) / np.maximum(placed - 1, 1)
    late = silent > np.maximum(rule.late_factor * usual, rule.late_days * DAY_MS)
    gone = silent > rule.inactive_days * DAY_MS
    found = np.where(late, np.where(gone, _INACTIVE, _AT_RISK), -1)
    once = orders == 1
    if once.any():
        new = silent <= rule.new_days * DAY_MS
        found = np.where(once, np.where(new, _NEW, np.where(gone, _INACTIVE, _ONE_ORDER)), found)
    found[orders <= 0] = _NO_ORDER
    return found


def stage_words(stage: Stage, rule: Lifecycle) -> str:
    """Return what is true of every member of a stage, in plain words.

    >>> stage_words("new", Lifecycle())
    'one order so far, placed within the last 60 days'
    """
    late = f"{rule.late_factor:g} times as long as usual for them, and for at least {rule.late_days:g} days"
    return {
        "no-order": "no order yet",
        "new": f"one order so far, placed within the last {rule.new_days:g} days",
        "one-order": f"one order only, more than {rule.new_days:g} days ago",
        "at-risk": f"no order for more than {late}",
        "inactive": f"no order for more than {rule.inactive_days:g} days, and for longer than usual for them",
    }[stage]
