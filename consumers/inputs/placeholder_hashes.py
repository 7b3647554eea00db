"""Ids of orders and sessions that stand for none, found by their hashes: the ids themselves are not kept.

All orders of a customer that are called `undefined` would be one order, of which the last amount counts.
"""

from collections.abc import Iterable
from typing import Final

import numpy as np
import numpy.typing as npt

from consumers.settings import PLACEHOLDER_IDS
from events.codec.id_hashes import text_hashes

__all__ = ["PlaceholderHashes"]

_NUMBERS: Final = frozenset({"0"})
"""An id that stands for no customer, and that may well be the number of a shop's first order."""
_BLANKS: Final = (" ", "  ", "   ", "\t")
_SHELLS: Final = (("", ""), ('"', '"'), ("'", "'"), (" ", ""), ("", " "), (" ", " "))
_LOW_BITS: Final = np.uint64(0xFFFF)


class PlaceholderHashes:
    """Finds ids that stand for none by their hashes, in the forms that programs write.

    They are as listed, lower, UPPER and Title case, and each of these in quotes or with a blank before or after.
    Of `ids` those count that Shoal lists itself: what a shop has added are customers.
    """

    def __init__(self, ids: Iterable[str] = PLACEHOLDER_IDS) -> None:
        listed = [each for each in ids if each in PLACEHOLDER_IDS and each not in _NUMBERS]
        forms = [form for each in listed for form in (each, each.lower(), each.upper(), each.title())]
        shells = [f"{before}{form}{after}" for form in forms for before, after in _SHELLS]
        names = list(dict.fromkeys([*shells, *_BLANKS])) if listed else []
        self._names = dict(zip(text_hashes(names).tolist(), names, strict=True))
        self._flags = np.zeros(int(_LOW_BITS) + 1, np.bool_)
        self._flags[[hashed & int(_LOW_BITS) for hashed in self._names]] = True

    def places(self, hashes: npt.NDArray[np.uint64]) -> list[int]:
        """Return where among the hashes (n,) of ids, made with seed 0, such ids stand."""
        likely = np.flatnonzero(self._flags[hashes & _LOW_BITS]).tolist()
        return [i for i in likely if int(hashes[i]) in self._names]

    def reason(self, hashed: int, name: str) -> str:
        """Say why an event is refused whose field `name` (order_id, session_id) has the id with this hash."""
        thing = name.removesuffix("_id")
        return f"{name}: {self._names[hashed]!r} stands for a missing id; send the {thing}'s own id, or no event"

    def refusal(self, value: str, name: str) -> str | None:
        """Return the same reason for an id, None where it is one."""
        hashed = int(text_hashes([value])[0])
        return self.reason(hashed, name) if hashed in self._names else None
