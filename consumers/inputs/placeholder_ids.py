"""Customer ids that stand for none: what scripts and exports write where they know no customer."""

from collections.abc import Iterable
from itertools import product
from typing import Final

from consumers.settings import PLACEHOLDER_IDS

try:
    from consumers.inputs.text_matching import with_ends as _with_ends
except ImportError:
    _with_ends = None  # type: ignore[assignment]

__all__ = ["PlaceholderIds"]

_SPACES: Final = [code for code in range(256) if chr(code).isspace()]


class PlaceholderIds:
    """Finds ids that stand for none, in any case and with blanks around; blank ids too. Without ids it finds none.

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
    return customer_id.strip().lower()


def _ends(ids: frozenset[str]) -> bytes:
    """Flag the pairs of first and last characters that these ids may have in any case, or with blanks around."""
    flags = bytearray(1 << 16)
    for each in filter(None, ids):
        for first, last in product(*({ord(end.lower()), ord(end.upper()[0])} for end in (each[0], each[-1]))):
            if first < 256 and last < 256:
                flags[first << 8 | last] = 1
    for space in _SPACES:
        for other in range(256):
            flags[space << 8 | other] = flags[other << 8 | space] = 1
    return bytes(flags)
