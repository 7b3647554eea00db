"""Reads topics from the past: segment changes, sessions and messages of one customer, erasures.

No consumer group enters. Begin reading at `segment_changes_reader`.
"""
