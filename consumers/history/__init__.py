"""Reads topics from the past: segment changes, sessions and messages of one customer, erasures.

Whole topics enter; no consumer group does. Begin reading at `segment_changes_reader`.
"""
