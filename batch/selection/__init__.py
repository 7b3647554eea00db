"""Compares candidate clusterings by their metrics, and selects one.

Cleaned points and the labels of candidates enter. Begin reading at `compare_and_fit`.
"""
