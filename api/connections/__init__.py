"""Which connections stay open: how many, how long they may wait, what they may send before a request is whole.

Sockets and bytes enter; no request does. Begin reading at `bounded_http_protocol`.
"""
