"""Clustering algorithms behind one signature: points (n, d), k and a seed in, labels (n,) out."""

from batch.clustering.algorithms import ALGORITHMS, cluster

__all__ = ["ALGORITHMS", "cluster"]
