"""Multiple comparisons: p-values adjusted over a declared family."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy import stats

from experiments.definition import Correction

__all__ = ["adjusted_p_values"]


def adjusted_p_values(p_values: Sequence[float | None], correction: Correction) -> list[float | None]:
    """Return adjusted p-values in the same order.

    Holm (1979) bounds the chance of any false finding, Benjamini and Hochberg (1995) the expected share of false ones.
    A comparison that cannot be made (None) stays None and still counts as a member of the family, with p = 1.

    >>> adjusted_p_values([0.01, None, 0.04], "holm")
    [0.03, None, 0.08]
    """
    if not p_values:
        return []
    # statsmodels' multipletests gives the same and collects all garbage on every call, which takes 0.1 s.
    known = np.array([1.0 if p is None else p for p in p_values])
    corrected = _holm(known) if correction == "holm" else stats.false_discovery_control(known, method="bh")
    return [None if p is None else float(value) for p, value in zip(p_values, corrected, strict=True)]


def _holm(p_values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    order = np.argsort(p_values)
    stepped = np.maximum.accumulate(p_values[order] * np.arange(len(p_values), 0, -1))
    corrected = np.empty_like(p_values)
    corrected[order] = np.minimum(stepped, 1.0)
    return corrected
