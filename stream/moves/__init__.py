"""How events move customers between segments, and what a segment change says.

Pure functions of records, events and the live model. Begin reading at `handler`.
"""
