"""Statistics that stay valid while results are read repeatedly.

Pure functions on samples. Begin reading at `always_valid`.
"""
