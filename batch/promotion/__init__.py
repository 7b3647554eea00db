"""Whether and when a proposed baseline goes live.

Begin reading at `batch_service` and `decisions`.
"""
