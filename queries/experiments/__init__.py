"""Experiments as people read them: definitions, reports, the effect over time, order rates.

Ids of experiments enter; tallies come from Redis. Begin reading at `experiments`.
"""
