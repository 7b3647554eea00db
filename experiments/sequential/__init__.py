"""Statistics that stay valid while results are read repeatedly.

Samples enter, in the order in which they were read. Begin reading at `always_valid`.
"""
