"""The online model: k-means, the live segmenter, its borders, the published versions, drift.

Knows records, vectors and centroids; events and segment changes do not enter. Begin reading at `segmenter`.
"""
