"""The online model: k-means, the live segmenter, its borders, the leader, drift.

Knows vectors and centroids, no events. Begin reading at `segmenter`.
"""
