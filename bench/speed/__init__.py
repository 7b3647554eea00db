"""Benchmarks of speed and memory: throughput, latency, scaling, sweep, catch-up, re-baseline.

Begin reading at `throughput`.
"""
