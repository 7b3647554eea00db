"""Erases customers: within a partition by its owner, and everywhere else on request.

Begin reading at `erase_everywhere`.
"""
