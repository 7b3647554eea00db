"""The topic of what people entered: written before Redis is, and read when Redis has lost something.

What people entered enters: definitions, triggers, keys, suppressions. Begin reading at `entry_log`.
"""
