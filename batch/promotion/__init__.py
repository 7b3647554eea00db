"""Decides whether and when a proposed baseline goes live, and puts it live.

Begin reading at `batch_service` and `decisions`.
"""
