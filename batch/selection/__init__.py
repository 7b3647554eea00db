"""Which clustering: the figures of every candidate, and the rule by which one is chosen."""
