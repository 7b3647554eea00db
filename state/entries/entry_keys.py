"""The keys that entries have on their topic: the latest message of a key counts."""

import hashlib
from typing import Final

from events.schema.outputs import Entry

__all__ = ["SALT_KEY", "SUPPRESSION", "entry_key", "suppression_key"]

SALT_KEY: Final = "salt"
SUPPRESSION: Final = "suppression/"
"""How the keys of suppressions begin."""


def entry_key(entry: Entry, salt: bytes) -> str:
    """Return the key of an entry."""
    if entry.kind == "salt":
        return SALT_KEY
    if entry.kind == "suppression":
        return suppression_key(entry.name, entry.customer_id or "", salt)
    return f"{entry.kind}/{entry.name}"


def suppression_key(scope: str, customer_id: str, salt: bytes) -> str:
    """Return the key of a suppression: a salted hash, because it stays for a while when the customer is erased."""
    return SUPPRESSION + hashlib.blake2b(f"{scope}\0{customer_id}".encode(), digest_size=16, key=salt).hexdigest()
