"""Who is in a segment: its size, its money, and what its members are like compared with everybody."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from batch.table import CustomerTable
from consumers.money import SCALE
from stream.features import FEATURES, feature_of

__all__ = ["SegmentProfile", "profiles_of"]

Labels = npt.NDArray[np.int64]


@dataclass(frozen=True)
class SegmentProfile:
    """One segment of a candidate.

    `share` and `revenue_share` are of the table's customers and of their net revenue (None where there is none);
    `means` is the mean of each feature that some member has, in the unit that people read it in.
    """

    name: str
    customers: int
    share: float
    revenue_share: float | None
    means: dict[str, float]


def profiles_of(table: CustomerTable, labels: Labels, names: list[str], seed: int) -> tuple[SegmentProfile, ...]:
    """Return the profile of each segment; labels (n,) say whose segment is which, -1 for none."""
    net = (table.rows["gross"] - table.rows["refunded"] - table.rows["cancelled_amount"]) / SCALE
    revenue = float(net.sum())
    every = [*FEATURES, *table.attributes]
    matrix = table.matrix(every)
    units = np.column_stack(
        [feature_of(name, table.attributes).to_unit(matrix[:, column]) for column, name in enumerate(every)]
    )
    found = []
    for place, name in enumerate(names):
        mine = labels == place
        members = units[mine]
        known = ~np.isnan(members).all(axis=0)
        means = {every[column]: float(np.nanmean(members[:, column])) for column in np.flatnonzero(known).tolist()}
        share = float(mine.sum()) / max(1, len(labels))
        money = float(net[mine].sum()) / revenue if revenue > 0 else None
        found.append(SegmentProfile(name, int(mine.sum()), share, money, means))
    return tuple(found)
