"""Re-evaluates silent customers, because time, model or baseline moved.

Begin reading at `sweeper`.
"""
