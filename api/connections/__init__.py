"""Which connections stay open: how many, how long they may wait, what they may send before a request is whole."""
