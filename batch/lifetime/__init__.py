"""Lifetime value by BG/NBD and Gamma-Gamma: expected orders, their amount, probability of being alive.

Counts and times of orders enter; no segment does. Begin reading at `lifetime_models`.
"""
