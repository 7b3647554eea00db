"""Sends events into Kafka or folders: files, replayed logs, the simulated shop.

Begin reading at `event_sending`.
"""
