"""A shop that never was: a seeded stream of events whose truth is known."""
