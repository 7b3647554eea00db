"""Matches new clusters with the live segments, and previews which customers would move.

Knows centroids and labels, not how they were fitted. Begin reading at `matching`.
"""
