"""Benchmarks of the experiments: error rates and coverage of the statistics, and the experiment consumer's tallies.

Begin reading at `honesty`.
"""
