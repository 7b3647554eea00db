"""Benchmarks of the experiments: whether the statistics keep their promises, and the experiment consumer's tallies.

Begin reading at `honesty`.
"""
