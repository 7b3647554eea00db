"""Baselines, the current model and the drift alarm in Redis.

Centroids and decisions enter; no customer does. Begin reading at `baselines`.
"""
