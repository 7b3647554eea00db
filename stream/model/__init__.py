"""The online model: k-means, the live segmenter, its borders, the published versions, drift.

Records, vectors and centroids enter; events and segment changes do not. Begin reading at `segmenter`.
"""
