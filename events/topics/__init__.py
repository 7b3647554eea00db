"""Which topics Shoal uses and which partition a customer's events belong to; creates the topics and compares them.

Knows Kafka's administration, no message. Begin reading at `specs`.
"""
