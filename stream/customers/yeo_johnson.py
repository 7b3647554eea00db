"""Yeo-Johnson power transform: makes a skewed feature more symmetric, for values of either sign.

I.-K. Yeo, R. A. Johnson, "A new family of power transformations to improve normality or symmetry", Biometrika 87
(2000).
"""

import numpy as np

from events.arrays import Floats

__all__ = ["inverse_yeo_johnson", "yeo_johnson"]

_ZERO = np.finfo(np.float64).eps
"""Powers up to this are 0 to a float: their products with a value may be too small to hold any digits."""


def yeo_johnson(values: Floats, power: float) -> Floats:
    """Return transformed values (n,), NaN where they are; power 1 leaves them as they are.

    >>> yeo_johnson(np.array([0.0, np.e - 1.0]), 0.0).tolist()
    [0.0, 1.0]
    """
    above = np.log1p(np.maximum(values, 0.0))
    below = np.log1p(np.maximum(-values, 0.0))
    return np.where(values >= 0, _grown(above, power), -_grown(below, 2.0 - power)) + 0.0 * values


def inverse_yeo_johnson(values: Floats, power: float) -> Floats:
    """Return the values (n,) that `yeo_johnson` gives these for; beyond its range the largest or smallest there is.

    >>> inverse_yeo_johnson(yeo_johnson(np.array([-3.0, 0.0, 7.5]), 0.4), 0.4).round(9).tolist()
    [-3.0, 0.0, 7.5]
    """
    above = _shrunk(np.maximum(values, 0.0), power)
    below = _shrunk(np.maximum(-values, 0.0), 2.0 - power)
    return np.where(values >= 0, np.expm1(above), -np.expm1(below)) + 0.0 * values


def _shrunk(grown: Floats, power: float) -> Floats:
    """Return log(1 + x) for ((1 + x)^power - 1) / power; the tiny number keeps it finite where no x would do."""
    return np.asarray(np.log1p(np.maximum(power * grown, 1e-15 - 1.0)) / power) if abs(power) > _ZERO else grown


def _grown(logarithms: Floats, power: float) -> Floats:
    """Return ((1 + x)^power - 1) / power for log(1 + x), which tends to log(1 + x) where power is 0."""
    return np.asarray(np.expm1(power * logarithms) / power) if abs(power) > _ZERO else logarithms
