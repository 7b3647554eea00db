"""Customer ids that stand for none: what scripts and exports write where they know no customer."""

import re
import unicodedata
from collections.abc import Iterable
from itertools import product
from typing import Final

from consumers.settings import PLACEHOLDER_IDS

try:
    from consumers.inputs.text_matching import with_ends as _with_ends
except ImportError:
    _with_ends = None  # type: ignore[assignment]

__all__ = ["PlaceholderIds"]

_QUOTES: Final = "\"'`"
_SHELL: Final = [code for code in range(256) if chr(code).isspace() or chr(code) in _QUOTES + "\u00ad"]
"""Characters below 256 that may stand around an id and are no part of it; \u00ad is the soft hyphen."""
_INVISIBLE: Final = re.compile("[\u00ad\u200b-\u200f\u2060\ufeff]")


class PlaceholderIds:
    """Finds ids that stand for none, in any case, in full-width letters, with blanks or quotes around; blank ids too.

    Without ids it finds none.

    Nearly every id is told apart from them by its first and last character, which costs a few nanoseconds.

    >>> PlaceholderIds(["guest", "0"]).places(["anna", " Guest", "10", "0", " "])
    [1, 3, 4]
    """

    def __init__(self, ids: Iterable[str] = PLACEHOLDER_IDS) -> None:
        self._ids = frozenset(map(_normal, ids))
        if self._ids:
            self._ids |= {""}
        self._pairs = _ends(self._ids)

    def __contains__(self, customer_id: str) -> bool:
        return _normal(customer_id) in self._ids

    def places(self, customer_ids: list[str]) -> list[int]:
        """Return where in a list such ids stand."""
        if not self._ids:
            return []
        if _with_ends is None:
            return [i for i, each in enumerate(customer_ids) if each in self]
        return [i for i in _with_ends(customer_ids, self._pairs) if customer_ids[i] in self]

    @staticmethod
    def reason(customer_id: str, name: str = "customer_id") -> str:
        """Say why an event of such a customer, whose id is in the field `name`, is refused."""
        return (
            f"{name}: {customer_id[:60]!r} stands for a missing id; "
            "send the customer's own id, or no event (SHOAL_PLACEHOLDER_IDS lists such ids)"
        )


def _normal(customer_id: str) -> str:
    if not customer_id.isascii():
        customer_id = _INVISIBLE.sub("", unicodedata.normalize("NFKC", customer_id))
    plain = customer_id.strip().lower()
    while len(plain) > 1 and plain[0] == plain[-1] and plain[0] in _QUOTES:
        plain = plain[1:-1].strip()
    return plain


def _ends(ids: frozenset[str]) -> bytes:
    """Flag the pairs of first and last characters that these ids may have in any case, in quotes or blanks."""
    flags = bytearray(1 << 16)
    for each in filter(None, ids):
        for first, last in product(*({ord(end.lower()), ord(end.upper()[0])} for end in (each[0], each[-1]))):
            if first < 256 and last < 256:
                flags[first << 8 | last] = 1
    for around in _SHELL:
        for other in range(256):
            flags[around << 8 | other] = flags[other << 8 | around] = 1
    return bytes(flags)
