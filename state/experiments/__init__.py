"""Experiment definitions, exposed customers, purchase logs and tallies in Redis.

No statistics enter. Begin reading at `tally_partitions`.
"""
