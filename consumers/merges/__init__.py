"""Merges of customers (`identities`): the messages by which partitions tell each other of them.

Decisions about merges enter; what a merge does to records or tallies does not. Begin reading at `messages`.
"""
