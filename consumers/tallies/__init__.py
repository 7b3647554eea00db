"""The experiment consumer: exposures, conversions and orders in, exact tallies of every experiment out.

Events and definitions enter; no statistics do. Begin reading at `handler`.
"""
