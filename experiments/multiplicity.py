"""Many comparisons at once: p-values adjusted over the whole declared family."""

from collections.abc import Sequence

from statsmodels.stats.multitest import multipletests

from .definition import Correction

__all__ = ["adjusted"]


def adjusted(p_values: Sequence[float | None], correction: Correction) -> list[float | None]:
    """Return adjusted p-values in the same order.

    Holm (1979) bounds the chance of any false finding, Benjamini and Hochberg (1995) the expected share of false ones.
    A comparison that cannot be made (None) stays None and still counts as a member of the family, with p = 1.

    >>> adjusted([0.01, None, 0.04], "holm")
    [0.03, None, 0.08]
    """
    if not p_values:
        return []
    method = {"holm": "holm", "benjamini_hochberg": "fdr_bh"}[correction]
    _, corrected, _, _ = multipletests([1.0 if p is None else p for p in p_values], method=method)
    return [None if p is None else float(value) for p, value in zip(p_values, corrected, strict=True)]
