"""What is known of one clustering: by these figures candidates are compared."""

from dataclasses import dataclass

__all__ = ["Figures"]


@dataclass(frozen=True)
class Figures:
    """Figures of one algorithm with one k; None where a figure is not defined or was not asked for.

    Attributes:
        algorithm, k: what was fitted; `k` counts the clusters found.
        silhouette: mean silhouette of a sample, -1 to 1, larger is better (Rousseeuw 1987).
        davies_bouldin: smaller is better (Davies and Bouldin 1979).
        calinski_harabasz: larger is better (Calinski and Harabasz 1974).
        inertia: within-cluster sum of squares, a customer (so that samples of different size compare).
        smallest_share: of customers in the smallest segment.
        agreement: adjusted Rand index between the algorithm's clusters and the nearest centroids that go live.
        refused: why this clustering may not be chosen; empty where it may.
    """

    algorithm: str
    k: int
    silhouette: float | None
    davies_bouldin: float | None
    calinski_harabasz: float | None
    inertia: float
    smallest_share: float
    agreement: float
    refused: str = ""
