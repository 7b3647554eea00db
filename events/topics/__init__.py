"""Which topics Shoal uses and which partition a customer's events belong to; creates the topics and compares them.

Kafka's administration enters; no message does. Begin reading at `specs`.
"""
