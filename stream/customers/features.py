"""Features of customers: each a named pure function of record rows and a time, NaN where it is not known.

A feature takes (n,) rows, `at_ms` ((n,) or one time, ms since 1970 UTC) and the half-life (ms), and returns (n,)
float64 in a transformed unit; `to_unit` of its entry turns that back into days, orders or money for people.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from events.arrays import Floats, Ints
from events.base_error import ShoalError
from events.codec.amount_columns import SCALE
from events.time_units import DAY_MS
from state.customers.records import NEVER_FIRST, NEVER_LAST, Rows
from stream.customers.decay import LANDMARK_MS, decayed
from stream.customers.rfm_values import net_spend

__all__ = [
    "DEFAULT_FEATURES",
    "FEATURES",
    "Feature",
    "FeatureUnknown",
    "feature_matrix",
    "feature_of",
    "units_of",
]

Times = Ints | int


class FeatureUnknown(ShoalError):
    """A feature name that does not exist."""


def _days_since(times: Ints, at_ms: Times, never: int) -> Floats:
    """Return the days from `times` to `at_ms`, at least 0, NaN where it never happened."""
    happened = times != never
    days = (np.asarray(at_ms) - np.where(happened, times, 0)) / DAY_MS
    return np.where(happened, np.maximum(days, 0.0), np.nan)


def recency(rows: Rows, at_ms: Times, _half_life_ms: float) -> Floats:
    """Return log(1 + days since the last order); NaN without orders."""
    return np.asarray(np.log1p(_days_since(rows["last_order"], at_ms, NEVER_LAST)))


def frequency(rows: Rows, at_ms: Times, half_life_ms: float) -> Floats:
    """Return log(1 + decayed number of orders)."""
    return np.asarray(np.log1p(np.maximum(decayed(rows["decayed_orders"], at_ms, half_life_ms), 0.0)))


def monetary(rows: Rows, at_ms: Times, half_life_ms: float) -> Floats:
    """Return log(1 + decayed net amount)."""
    return np.asarray(np.log1p(np.maximum(decayed(rows["decayed_amount"], at_ms, half_life_ms) / SCALE, 0.0)))


def recent_orders(rows: Rows, _at_ms: Times, half_life_ms: float) -> Floats:
    """Return log(1 + decayed number of orders), as seen at the last order; NaN without orders."""
    return _at_last_order(frequency, rows, half_life_ms)


def recent_spend(rows: Rows, _at_ms: Times, half_life_ms: float) -> Floats:
    """Return log(1 + decayed net amount), as seen at the last order; NaN without orders."""
    return _at_last_order(monetary, rows, half_life_ms)


def _at_last_order(feature: Callable[[Rows, Times, float], Floats], rows: Rows, half_life_ms: float) -> Floats:
    never = rows["last_order"] == NEVER_LAST
    if not never.any():
        return feature(rows, rows["last_order"], half_life_ms)
    return np.where(never, np.nan, feature(rows, np.where(never, LANDMARK_MS, rows["last_order"]), half_life_ms))


def average_order_value(rows: Rows, _at_ms: Times, _half_life_ms: float) -> Floats:
    """Return log(1 + gross amount an order); NaN without orders."""
    placed = rows["placed"].astype(np.float64)
    return np.asarray(np.log1p(np.where(placed > 0, rows["gross"] / SCALE / np.maximum(placed, 1.0), np.nan)))


def tenure(rows: Rows, at_ms: Times, _half_life_ms: float) -> Floats:
    """Return log(1 + days since the customer was first seen or signed up); NaN where neither is known."""
    first = np.minimum(np.minimum(rows["first_order"], rows["first_session"]), rows["signed_up"])
    return np.asarray(np.log1p(_days_since(first, at_ms, NEVER_FIRST)))


def engagement(rows: Rows, at_ms: Times, half_life_ms: float) -> Floats:
    """Return log(1 + decayed number of web sessions); NaN for a customer who was never on the website."""
    sessions = np.log1p(np.maximum(decayed(rows["decayed_sessions"], at_ms, half_life_ms), 0.0))
    return np.where(rows["sessions"] > 0, sessions, np.nan)


def orders(rows: Rows, _at_ms: Times, _half_life_ms: float) -> Floats:
    """Return log(1 + orders placed less cancelled), of all time."""
    return np.asarray(np.log1p(np.maximum(rows["placed"].astype(np.float64) - rows["cancelled"], 0.0)))


def spend(rows: Rows, _at_ms: Times, _half_life_ms: float) -> Floats:
    """Return log(1 + gross less cancelled, refunded and credited amounts), of all time."""
    return np.asarray(np.log1p(net_spend(rows)))


def order_gap(rows: Rows, _at_ms: Times, _half_life_ms: float) -> Floats:
    """Return log(1 + mean days between orders placed); NaN before the second."""
    repeats = rows["placed"].astype(np.float64) - 1.0
    happened = repeats > 0
    days = np.where(happened, rows["last_order"], 0) / DAY_MS - np.where(happened, rows["first_order"], 0) / DAY_MS
    return np.asarray(np.log1p(np.where(happened, days / np.maximum(repeats, 1.0), np.nan)))


def return_rate(rows: Rows, _at_ms: Times, _half_life_ms: float) -> Floats:
    """Return refunds, credit notes and cancellations an order placed; NaN without orders."""
    back = rows["refunds"].astype(np.float64) + rows["credit_notes"] + rows["cancelled"]
    return _per(back, rows["placed"])


def pages_per_session(rows: Rows, _at_ms: Times, _half_life_ms: float) -> Floats:
    """Return log(1 + pages a web session); NaN without sessions."""
    return np.asarray(np.log1p(_per(rows["pages"], rows["sessions"])))


def session_minutes(rows: Rows, _at_ms: Times, _half_life_ms: float) -> Floats:
    """Return log(1 + minutes a web session); NaN without sessions."""
    return np.asarray(np.log1p(_per(rows["duration_s"], rows["sessions"]) / 60.0))


def cart_rate(rows: Rows, _at_ms: Times, _half_life_ms: float) -> Floats:
    """Return log(1 + additions to the cart a web session); NaN without sessions."""
    return np.asarray(np.log1p(_per(rows["cart_adds"], rows["sessions"])))


def _per(total: npt.NDArray[np.number], count: npt.NDArray[np.number]) -> Floats:
    """Return total / count, NaN where count is 0."""
    counts = count.astype(np.float64)
    return np.where(counts > 0, total / np.maximum(counts, 1.0), np.nan)


def age(rows: Rows, _at_ms: Times, _half_life_ms: float) -> Floats:
    """Return the age in years from the profile."""
    return rows["profile_numbers"][:, 0].astype(np.float64)


def income(rows: Rows, _at_ms: Times, _half_life_ms: float) -> Floats:
    """Return the yearly income from the profile."""
    return rows["profile_numbers"][:, 1].astype(np.float64)


@dataclass(frozen=True)
class Feature:
    """A feature: its function, the unit that people read it in, and the way back to that unit."""

    compute: Callable[[Rows, Times, float], Floats]
    unit: str
    to_unit: Callable[[Floats], Floats]


def _same(values: Floats) -> Floats:
    return values


FEATURES: Final[dict[str, Feature]] = {
    "recency": Feature(recency, "days since the last order", np.expm1),
    "frequency": Feature(frequency, "recent orders (decayed)", np.expm1),
    "monetary": Feature(monetary, "recent spend (decayed)", np.expm1),
    "recent_orders": Feature(recent_orders, "orders of late, at the last one (decayed)", np.expm1),
    "recent_spend": Feature(recent_spend, "spend of late, at the last order (decayed)", np.expm1),
    "average_order_value": Feature(average_order_value, "spend an order", np.expm1),
    "tenure": Feature(tenure, "days since first seen", np.expm1),
    "engagement": Feature(engagement, "recent web sessions (decayed)", np.expm1),
    "orders": Feature(orders, "orders of all time", np.expm1),
    "spend": Feature(spend, "net spend of all time", np.expm1),
    "order_gap": Feature(order_gap, "days between orders", np.expm1),
    "return_rate": Feature(return_rate, "returns and cancellations an order", _same),
    "pages_per_session": Feature(pages_per_session, "pages a web session", np.expm1),
    "session_minutes": Feature(session_minutes, "minutes a web session", np.expm1),
    "cart_rate": Feature(cart_rate, "additions to the cart a web session", np.expm1),
    "age": Feature(age, "age in years", _same),
    "income": Feature(income, "income a year", _same),
}
DEFAULT_FEATURES: Final = ("recent_orders", "recent_spend")
"""Silence moves neither: who is silent for longer than usual is in a stage of the lifecycle (decision 40)."""
_ATTRIBUTES_FROM: Final = 2  # the first profile columns are age and income


def feature_of(name: str, attributes: Sequence[str] = ()) -> Feature:
    """Return a feature by its name; `attributes` are the declared profile attributes, in the order of their columns.

    Raises FeatureUnknown.
    """
    if name in FEATURES:
        return FEATURES[name]
    if name not in attributes:
        choice = ", ".join([*FEATURES, *attributes])
        raise FeatureUnknown(
            f"there is no feature {name!r}; choose from {choice}. Numbers that profiles carry in `attributes` are "
            "features too: those that SHOAL_ATTRIBUTES names, or the first that came in"
        )
    column = _ATTRIBUTES_FROM + list(attributes).index(name)

    def compute(rows: Rows, _at_ms: Times, _half_life_ms: float) -> Floats:
        return rows["profile_numbers"][:, column].astype(np.float64)

    return Feature(compute, name.replace("_", " "), _same)


def feature_matrix(
    rows: Rows, names: Sequence[str], at_ms: Times, half_life_ms: float, attributes: Sequence[str] = ()
) -> Floats:
    """Return the (n, d) matrix of the named features at a time; for `attributes` see `feature_of`.

    Raises FeatureUnknown.
    """
    features = [feature_of(name, attributes) for name in names]
    matrix = np.empty((len(rows), len(names)))
    for column, feature in enumerate(features):
        matrix[:, column] = feature.compute(rows, at_ms, half_life_ms)
    return matrix


def units_of(matrix: Floats, names: Sequence[str], attributes: Sequence[str] = ()) -> Floats:
    """Return an (n, d) matrix of the named features in the units that people read; for `attributes` see `feature_of`.

    Raises FeatureUnknown.
    """
    values = np.empty_like(matrix)
    for column, name in enumerate(names):
        values[:, column] = feature_of(name, attributes).to_unit(matrix[:, column])
    return values
