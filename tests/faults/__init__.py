"""Seeded faults against a whole deployment: whatever dies, the end equals a plain computation of what was published.

Begin reading at `__main__`; `shop` makes the events, `truth` says what is right, `faults` breaks things.
"""
