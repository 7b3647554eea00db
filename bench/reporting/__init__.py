"""Results of benchmarks: kept in results.json, compared with targets, printed as tables.

Begin reading at `results_file`.
"""
