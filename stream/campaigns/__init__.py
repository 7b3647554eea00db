"""Calls webhooks for segment changes: matching, permission to contact, delivery with retries.

Segment changes enter from Kafka; what makes them does not. Begin reading at `service`.
"""
