"""`shoal experiment`: define, read, plan and end experiments.

Begin reading at `commands`.
"""
