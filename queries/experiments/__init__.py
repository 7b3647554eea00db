"""Experiments as people read them: definitions, reports, the effect over time, order rates.

Begin reading at `experiments`.
"""
