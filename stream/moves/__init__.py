"""How events move customers between segments, and what a segment change says.

Records, events and the live model enter. Begin reading at `handler`.
"""
