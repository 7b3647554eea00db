"""Lifetime value of one customer, from the record, by the models that the live baseline keeps."""

from typing import Any, Final

import numpy as np

from events.schema.outputs import Baseline
from queries.customers.customer_and_segment_json import Inspector
from state.customers.records import Rows

__all__ = ["lifetime_of_customer", "lifetime_of_record", "missing_models_reason"]

_UNKNOWN: Final[dict[str, Any]] = dict.fromkeys(
    (
        "probability_alive",
        "expected_orders",
        "expected_amount",
        "lifetime_value",
        "horizon_weeks",
        "yearly_rate",
        "baseline",
        "reason",
        "probability_alive_reason",
    )
)
_ONE_ORDER: Final = "it cannot be told from one order"


def lifetime_of_record(baseline: Baseline | None, rows: Rows, now_ms: int) -> dict[str, Any]:
    """Return a customer's expected future value, as JSON values; `rows` is the customer's record (1,).

    Where it cannot be computed the numbers are null and `reason` says why; else `reason` is null. The probability to be
    still a customer is null for one-time buyers too: `probability_alive_reason`.
    """
    if baseline is None or baseline.lifetime is None:
        return _UNKNOWN | {"reason": missing_models_reason(baseline)}
    from batch.lifetime.lifetime_models import LifetimeModels  # scipy.special: 0.15 s that most commands can do without

    values = LifetimeModels.of(baseline.lifetime).values(rows, np.array([now_ms], np.int64))
    found = _UNKNOWN | {
        "horizon_weeks": baseline.lifetime.horizon_weeks,
        "yearly_rate": baseline.lifetime.yearly_rate,
        "baseline": baseline.baseline,
    }
    if np.isnan(values.value[0]):
        return found | {"reason": "there is no order of this customer that was not cancelled"}
    alive = float(values.alive[0])
    return found | {
        "probability_alive": None if np.isnan(alive) else round(alive, 4),
        "probability_alive_reason": _ONE_ORDER if np.isnan(alive) else None,
        "expected_orders": round(float(values.expected[0]), 4),
        "expected_amount": round(float(values.amount[0]), 2),
        "lifetime_value": round(float(values.value[0]), 2),
    }


def lifetime_of_customer(inspector: Inspector, customer_id: str) -> dict[str, Any]:
    """Return the same of a customer in Redis, at the inspector's present. Raises CustomerUnknown."""
    return lifetime_of_record(inspector.baseline(), inspector.rows(customer_id), inspector.now_ms())


def missing_models_reason(baseline: Baseline | None) -> str:
    """Return why no lifetime value can be computed under a baseline; "" where it can."""
    if baseline is None:
        return "no baseline is live; lifetime value is fitted with one (`shoal rebaseline`)"
    if baseline.lifetime is not None:
        return ""
    return baseline.lifetime_reason or (
        f"baseline {baseline.baseline} was fitted before baselines kept it; fit another (`shoal rebaseline`)"
    )
