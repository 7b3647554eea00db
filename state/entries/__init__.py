"""What people entered, in the form that it has on its topic, and how it is put into Redis.

Begin reading at `entry_writer`.
"""
