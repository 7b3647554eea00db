"""The metrics of one clustering by which candidates are compared."""

from dataclasses import dataclass

__all__ = ["CandidateMetrics"]


@dataclass(frozen=True)
class CandidateMetrics:
    """Metrics of one algorithm with one k, on the judged sample; None where one is not defined or not computed.

    Attributes:
        algorithm, k: what was fitted; `k` counts the clusters found.
        silhouette: mean silhouette, -1 to 1, larger is better (Rousseeuw 1987).
        davies_bouldin: smaller is better (Davies and Bouldin 1979).
        calinski_harabasz: larger is better (Calinski and Harabasz 1974).
        inertia: within-cluster sum of squares, a customer (so that samples of different size compare).
        smallest_share: of customers in the smallest segment.
        outlier_share: of customers whom the algorithm put into no cluster.
        agreement: adjusted Rand index between the algorithm's clusters and the nearest centroids that go live.
        stability: mean adjusted Rand index between bootstrap refits (see `batch.selection.stability`), of those whose
            silhouette is at most 0.1 below the best.
        gap, gap_error: gap statistic of k-means with this k, and its standard error.
        bic: of a mixture, on the judged sample; smaller is better.
        elbow: whether the within-cluster sum of squares of this algorithm bends at this k.
        refused: why this clustering may not be chosen; empty where it may.
    """

    algorithm: str
    k: int
    silhouette: float | None = None
    davies_bouldin: float | None = None
    calinski_harabasz: float | None = None
    inertia: float = 0.0
    smallest_share: float = 0.0
    outlier_share: float = 0.0
    agreement: float = 1.0
    stability: float | None = None
    gap: float | None = None
    gap_error: float | None = None
    bic: float | None = None
    elbow: bool = False
    refused: str = ""
