"""Erased customers and pending erasures; writes that skip whoever was erased.

Ids enter and leave as salted hashes. Begin reading at `erased_customers`.
"""
