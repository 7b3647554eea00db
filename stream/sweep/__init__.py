"""The sweep: re-evaluates customers without new events, as time, model or baseline change.

Partitions that this worker owns enter; no event does. Begin reading at `sweeper`.
"""
