"""Numbers rounded to three significant digits, as JSON text, many at a time.

Writing a float costs a tenth of a microsecond, and a change has seven of them; looking its text up costs a tenth of
that. So a number is a code: the position of its text in a table of all numbers with three significant digits.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from events.arrays import Floats
from events.codec.text_rows import Table

__all__ = ["UNKNOWN", "number_codes", "number_table", "number_values"]

Codes = npt.NDArray[np.int64]

UNKNOWN: Final = -1
"""The code of what is not known: null."""
_SMALLEST, _LARGEST = -3, 11
_FINE = 1_000
_COARSE = 900
_SIZE: Final = _FINE + _COARSE * (_LARGEST - _SMALLEST)


class _NumberTable(NamedTuple):
    texts: Table
    values: list[float | None]


@cache
def _number_table() -> _NumberTable:
    """Return every number: below 0.01 in steps of 0.00001, then 900 for each power of ten, the negative ones, null."""
    fine = [f"{step}e-5" for step in range(_FINE)]
    coarse = [f"{step}e{power - 2}" for power in range(_SMALLEST + 1, _LARGEST + 1) for step in range(100, 1_000)]
    positive = [float(text) for text in fine + coarse]
    values: list[float | None] = [*positive, *(-value if value else 0.0 for value in positive), None]
    return _NumberTable(Table([_text(value).encode() for value in values]), values)


def _text(value: float | None) -> str:
    """Return the JSON of a number: at most eight characters, with an exponent from a million on."""
    if value is None:
        return "null"
    return f"{value:.2e}".replace("e+0", "e").replace("e+", "e") if abs(value) >= 999_500 else f"{value:.12g}"


def number_codes(values: Floats) -> Codes:
    """Return the code of each number, rounded to three significant digits; NaN is `UNKNOWN`.

    Numbers from 10^12 on are written as the largest number; below 0.01 the step is 0.00001.

    >>> [number_table().texts[code].decode() for code in number_codes(np.array([61.04, 0.0, 1234.5, -0.5, np.nan]))]
    ['61', '0', '1230', '-0.5', 'null']
    """
    known = ~np.isnan(values)
    size = np.minimum(np.abs(np.where(known, values, 0.0)), 9.99 * 10.0**_LARGEST)
    power = np.floor(np.log10(np.maximum(size, 10.0**_SMALLEST))).astype(np.int64)
    steps = np.rint(size * (10.0 ** np.arange(2 - _SMALLEST, 1 - _LARGEST, -1.0))[power - _SMALLEST]).astype(np.int64)
    codes = np.where(power > _SMALLEST, _FINE + _COARSE * (power - _SMALLEST - 1) + steps - 100, steps)
    return np.where(known, codes + _SIZE * (values < 0), UNKNOWN)


def number_table() -> Table:
    """Return the JSON of all numbers, in the order of their codes."""
    return _number_table().texts


def number_values(codes: Sequence[int]) -> list[Any]:
    """Return the number of each code, None where it is not known."""
    values = _number_table().values
    return [values[code] for code in codes]
