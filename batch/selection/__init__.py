"""Compares candidate clusterings by their metrics, and selects one.

Begin reading at `compare_and_fit`.
"""
