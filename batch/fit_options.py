"""Options of a re-baseline: features, number of segments, algorithms, cleaning."""

from dataclasses import dataclass, field
from typing import Literal

from events.schema.outputs import Lifecycle
from stream.customers.features import DEFAULT_FEATURES

__all__ = ["FitOptions"]


@dataclass(frozen=True)
class FitOptions:
    """How customers are cleaned and clustered, and how clusterings are compared.

    Attributes:
        features: names of the features that segments are made of.
        k: number of segments, None to choose one from `k_min` to `k_max`.
        algorithms: names in `batch.clustering.ALGORITHMS`; the best by the selection's rule wins. Where the features
            are not recency, frequency and monetary, `rfm-rules` is skipped.
        scaling: `standard` (mean and standard deviation) or `robust` (median and interquartile range).
        outliers: `winsorise` far values, `isolate` customers far from all others while fitting, or `keep` them.
        skew: `keep` what the features' own logarithms leave, or transform skewed features by a `yeo-johnson` power.
        lifecycle: rules whose stages come before the learned segments, where these are made of how customers buy;
            None for learned segments alone.
        minimum_share: of customers that each segment of a chosen clustering should have.
        judged_customers: customers that candidates are compared on, at most.
    """

    features: tuple[str, ...] = DEFAULT_FEATURES
    k: int | None = None
    k_min: int = 2
    k_max: int = 10
    algorithms: tuple[str, ...] = ("k-means", "ward", "gaussian-mixture", "hdbscan", "rfm-rules")
    scaling: Literal["standard", "robust"] = "standard"
    outliers: Literal["winsorise", "isolate", "keep"] = "winsorise"
    skew: Literal["keep", "yeo-johnson"] = "keep"
    lifecycle: Lifecycle | None = field(default_factory=Lifecycle)
    minimum_share: float = 0.01
    judged_customers: int = 10_000
