"""Names, profiles, rules and plays of clusters.

Begin reading at `names`.
"""
