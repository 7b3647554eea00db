"""Matches new clusters with the live segments, and previews which customers would move.

Centroids and labels enter; how they were fitted does not. Begin reading at `matching`.
"""
