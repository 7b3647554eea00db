"""Names clusters, profiles their members, and explains them by rules and recommended actions.

Finished clusters enter; how they were fitted does not. Begin reading at `names`.
"""
