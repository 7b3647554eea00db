"""`shoal experiment`: define, read, plan and end experiments.

Definitions and tallies enter; the statistics are in `experiments`. Begin reading at `commands`.
"""
