"""Reads files and the simulated shop, sends their events to Kafka or folders, and waits until they are processed.

Files and simulated events enter; they leave as messages for the input topics. Begin reading at `file_sending`.
"""
