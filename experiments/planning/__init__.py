"""How many customers an experiment needs, what it can detect, and how long it still takes.

Pure functions of a definition and baseline figures. Begin reading at `sample_size`.
"""
