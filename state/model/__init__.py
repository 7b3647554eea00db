"""Baselines, the current model and the drift alarm in Redis.

Begin reading at `baselines`.
"""
