"""How Redis is reached: the connection, key names, commands in one round trip, the format of the data.

Knows nothing of customers. Begin reading at `keys`.
"""
