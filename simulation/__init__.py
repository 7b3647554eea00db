"""A shop that never was: a seeded stream of events whose truth is known.

A scenario and a seed enter; neither Kafka nor Redis does. Begin reading at `shop`.
"""
