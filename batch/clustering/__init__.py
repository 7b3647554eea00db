"""Clustering algorithms behind one signature: points (n, d), k and a seed in, labels (n,) out.

Only numbers enter; no customer does. Begin reading at `algorithms`.
"""

from batch.clustering.algorithms import ALGORITHMS, FIND_K, cluster
from batch.clustering.clustering_result import ClusteringResult

__all__ = ["ALGORITHMS", "FIND_K", "ClusteringResult", "cluster"]
