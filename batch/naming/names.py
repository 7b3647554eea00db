"""Name the segments of a candidate: stages of the lifecycle by their rule, learned segments by what is true of them."""

from collections.abc import Sequence
from typing import Final

import pandas as pd

from batch.naming.claims import buying_claims, described_claims
from events.arrays import Floats, Ints
from events.schema.outputs import Lifecycle, NameClaim
from stream.customers.lifecycle import STAGE_NAMES, STAGES, stage_words

__all__ = ["BUYING", "learned_claims", "stage_claims"]


BUYING: Final = frozenset(
    {
        *("recency", "frequency", "monetary", "recent_orders", "recent_spend"),
        *("average_order_value", "orders", "spend", "order_gap"),
    }
)
"""Features that say how customers buy: segments made of them are named by how their members buy."""


def learned_claims(
    numbers: pd.DataFrame,
    labels: Ints,
    centroids: Floats,
    features: Sequence[str],
    units: dict[str, str],
    *,
    ruled: bool,
) -> list[list[NameClaim]]:
    """Return for each of k segments the names that it may carry, the best first; no two segments share a name.

    `numbers` are the n customers' (see `batch.data.customer_metrics`), labels (n,) whose segment is which, centroids
    (k, d) standardised. Where the segments are made of how customers buy, they are named by orders and spend, whether
    or not these are among the features; otherwise by the features themselves. `ruled` says that the stages of the
    lifecycle have been taken out.
    """
    if not BUYING & set(features) or numbers["recency"].isna().all():
        return described_claims(numbers, labels, centroids, features, units)
    return buying_claims(numbers, labels, len(centroids), features, units, ruled=ruled)


def stage_claims(rule: Lifecycle) -> list[list[NameClaim]]:
    """Return the names of the stages, each true by its rule, in the order of STAGES."""
    return [[NameClaim(name=STAGE_NAMES[stage], words=stage_words(stage, rule), conditions=[])] for stage in STAGES]
