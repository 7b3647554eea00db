"""Rejected events: written to `dead-letters`, listed, and published again.

Begin reading at `letter`.
"""
