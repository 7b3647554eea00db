"""Triggers, their queued deliveries, and suppressed customers in Redis.

Begin reading at `triggers`.
"""
