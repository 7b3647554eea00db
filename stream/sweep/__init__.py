"""The sweep: re-evaluates customers without new events, as time, model or baseline change.

Begin reading at `sweeper`.
"""
