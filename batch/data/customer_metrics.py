"""Every numeric attribute of customers, in display units: features, RFM scores, purchase details, lifetime value."""

from typing import Final

import numpy as np
import pandas as pd

from batch.clustering.rfm_rules import quintiles
from batch.data.customer_table import CustomerTable
from batch.data.lifetime_values import LifetimeSummary, LifetimeUnavailable
from batch.data.order_log_attributes import DETAIL_UNITS
from events.arrays import Floats
from stream.customers.features import FEATURES, feature_of

__all__ = ["customer_metrics", "unit_names"]


_DERIVED: Final = {
    "recency_score": "quintile, 5 most recent",
    "frequency_score": "quintile, 5 most frequent",
    "monetary_score": "quintile, 5 largest spend",
    "alive": "probability of still being a customer",
    "expected_orders": "orders expected in the next year",
    "lifetime_value": "discounted value of the next year",
}


def unit_names(attributes: tuple[str, ...]) -> dict[str, str]:
    """Return the unit of every number by its name, those of declared profile attributes among them."""
    names = [*FEATURES, *attributes]
    return {name: feature_of(name, attributes).unit for name in names} | DETAIL_UNITS | _DERIVED


def customer_metrics(table: CustomerTable, lifetime: LifetimeSummary | LifetimeUnavailable) -> pd.DataFrame:
    """Return a column for every number of the table's n customers, NaN where it is not known.

    Features of records and profiles, RFM quintile scores, purchase details, lifetime value.
    """
    names = [*FEATURES, *table.attributes]
    matrix = table.matrix(names)
    columns: dict[str, Floats] = {
        name: feature_of(name, table.attributes).to_unit(matrix[:, place]) for place, name in enumerate(names)
    }
    if not np.isnan(columns["recency"]).all():
        columns["recency_score"] = _score(-columns["recency"])
        columns["frequency_score"] = _score(columns["frequency"])
        columns["monetary_score"] = _score(columns["monetary"])
    columns |= {name: table.details[name].to_numpy(np.float64) for name in DETAIL_UNITS if name in table.details}
    if isinstance(lifetime, LifetimeSummary):
        values = lifetime.values
        columns |= {"alive": values.alive, "expected_orders": values.expected, "lifetime_value": values.value}
    return pd.DataFrame(columns)


def _score(values: Floats) -> Floats:
    return quintiles(values).astype(np.float64)
