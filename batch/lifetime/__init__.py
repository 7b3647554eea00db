"""Lifetime value by BG/NBD and Gamma-Gamma: expected orders, their amount, probability of being alive.

Begin reading at `lifetime_models`.
"""
