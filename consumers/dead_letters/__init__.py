"""Rejected events: written to `dead-letters`, listed, and published again.

Messages that were refused enter, with the reason. Begin reading at `letter`.
"""
