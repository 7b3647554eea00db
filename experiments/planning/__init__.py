"""How many customers an experiment needs, what it can detect, and how long it still takes.

A definition and baseline figures enter. Begin reading at `sample_size`.
"""
