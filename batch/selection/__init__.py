"""Which clustering: the metrics of every candidate, and the rule by which one is chosen."""
