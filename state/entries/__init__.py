"""What people entered, in the form that it has on its topic, and how it is put into Redis.

Entries enter with their place on the topic. Begin reading at `entry_writer`.
"""
