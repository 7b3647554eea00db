"""Erases customers: within a partition by its owner, and everywhere else on request.

Requests to erase enter. Begin reading at `erase_everywhere`.
"""
