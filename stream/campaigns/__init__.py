"""Calls webhooks for segment changes: matching, permission to contact, delivery with retries.

Changes enter from Kafka. Begin reading at `service`.
"""
