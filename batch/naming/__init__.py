"""Names clusters, profiles their members, and explains them by rules and recommended actions.

Begin reading at `names`.
"""
