"""Triggers, their queued deliveries, and suppressed customers in Redis.

Triggers and deliveries enter; no webhook is called here. Begin reading at `triggers`.
"""
