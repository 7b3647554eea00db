"""The topic of what people entered: written before Redis is, and read when Redis has lost something.

Begin reading at `entry_log`.
"""
