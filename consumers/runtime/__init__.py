"""The micro-batch runtime: poll, decode, load, process, commit, and recovery from failures.

It knows no customer and no segment; these come through `protocols`.
Begin reading at `micro_batch_runtime`.
"""
