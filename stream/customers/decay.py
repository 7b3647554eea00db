"""Exponentially decayed sums in forward-decay form: late and out-of-order events need no special care.

G. Cormode, V. Shkapenyuk, D. Srivastava, B. Xu, "Forward Decay: A Practical Time Decay Model for Streaming Systems",
ICDE 2009: an event at time t adds x * 2^((t - L) / H) for a fixed landmark L, and the sum as seen at time T is divided
by 2^((T - L) / H). Contributions are rounded to 16 significant bits: then float64 adds contributions that differ by
less than a factor of about 2^29 exactly, and the sum does not depend on the order of the events.
"""

from typing import Final

import numpy as np

from events.arrays import Floats, Ints

__all__ = ["LANDMARK_MS", "contributions", "decayed"]


LANDMARK_MS: Final = 1_262_304_000_000
"""2010-01-01. With half-lives of 30 days or more, every weight from 1970 to 2090 is a normal float64."""
_BITS: Final = 16


def contributions(values: Floats | Ints, times: Ints, half_life_ms: float) -> Floats:
    """Return what events with these values and times (ms) add to a decayed sum."""
    weighted = values * np.exp2((times - LANDMARK_MS) / half_life_ms)
    mantissa, exponent = np.frexp(weighted)
    return np.asarray(np.ldexp(np.rint(np.ldexp(mantissa, _BITS)), exponent - _BITS))


def decayed(sums: Floats, at_ms: Ints | int, half_life_ms: float) -> Floats:
    """Return decayed sums as seen at a time (ms).

    >>> day = 86_400_000.0
    >>> one = contributions(np.array([100]), np.array([LANDMARK_MS]), 90 * day)
    >>> decayed(one, LANDMARK_MS + int(90 * day), 90 * day).tolist()
    [50.0]
    """
    return np.asarray(sums * np.exp2((LANDMARK_MS - np.asarray(at_ms)) / half_life_ms))
