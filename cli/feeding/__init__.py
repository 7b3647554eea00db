"""Reads files and the simulated shop, sends their events to Kafka or folders, and waits until they are processed.

Begin reading at `file_sending`.
"""
