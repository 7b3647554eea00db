"""What is computed of one customer: the fold of events into records, features, and what `now` is.

Pure functions on record rows. Begin reading at `fold`.
"""
