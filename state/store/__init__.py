"""How Redis is reached: the connection, key names, commands in one round trip, the format of the data.

Nothing of customers enters. Begin reading at `keys`.
"""
