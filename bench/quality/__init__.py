"""Benchmarks of the quality of segments, on simulated shops and real logs.

Begin reading at `parts`.
"""
