"""The micro-batch runtime: poll, decode, load, process, commit, and recovery from failures.

No customer and no segment enters; these come through `protocols`. Begin reading at `micro_batch_runtime`.
"""
