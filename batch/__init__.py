"""Fits, names, compares and promotes baselines, apart from the stream."""
