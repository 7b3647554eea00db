"""Benchmarks: the job, how it is measured, and the figures."""
