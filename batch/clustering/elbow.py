"""The elbow of a curve, by the Kneedle rule."""

import numpy as np

from events.arrays import Floats

__all__ = ["elbow"]


def elbow(x: Floats, y: Floats, *, increasing: bool = False) -> int | None:
    """Return the place of the bend of a convex curve (n,), None where it has none.

    Both axes are scaled to 0–1; the bend is where the curve lies farthest below the straight line between its ends:
    V. Satopää, J. Albrecht, D. Irwin, B. Raghavan, "Finding a 'Kneedle' in a Haystack", ICDCSW 2011, without smoothing.

    >>> elbow(np.array([2.0, 3.0, 4.0, 5.0, 6.0]), np.array([10.0, 4.0, 3.5, 3.1, 2.8]))
    1
    """
    if len(x) < 3 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return None
    along = (x - x[0]) / (x[-1] - x[0])
    up = (y - y.min()) / np.ptp(y)
    below = (along if increasing else 1.0 - along) - up
    place = int(np.argmax(below))
    return place if below[place] > 1e-9 else None
