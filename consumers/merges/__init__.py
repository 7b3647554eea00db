"""Merges of customers (`identities`): what partitions tell each other of them. Begin reading at `messages.py`.

May enter: decisions about merges and the messages that carry them. Not: what a merge does to records or tallies.
"""
