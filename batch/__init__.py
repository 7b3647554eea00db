"""Fits, names, compares and promotes baselines, apart from the stream.

Tables of customers enter; single events do not, except from files. Begin reading at `rebaseline`.
"""
