"""Skewed features: logarithms of the feature registry, and Yeo-Johnson powers that make others more symmetric."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from scipy.stats import skew, yeojohnson_normmax

from batch.data.data_quality import QualityRow
from events.arrays import Floats
from stream.customers.features import FEATURES
from stream.customers.yeo_johnson import yeo_johnson

__all__ = ["apply_powers", "choose_powers"]


_SKEWED: Final = 1.0
_SAMPLE: Final = 10_000


def apply_powers(matrix: Floats, power: Sequence[float | None]) -> Floats:
    """Return the matrix (n, d) with Yeo-Johnson powers applied to the features that have one."""
    found = matrix.copy()
    for column, each in enumerate(power):
        if each is not None:
            found[:, column] = yeo_johnson(found[:, column], each)
    return found


def choose_powers(
    matrix: Floats, features: Sequence[str], skew_rule: str
) -> tuple[tuple[float | None, ...], list[QualityRow]]:
    """Return a power for each feature that is skewed by more than 1 (None: leave it), and what to report.

    `matrix` (n, d) holds the features as the registry gives them; `skew_rule` is `keep` or `yeo-johnson`, the power
    then by maximum likelihood on at most 10,000 customers.
    """
    powers: list[float | None] = []
    rows = []
    for column, feature in enumerate(features):
        values = matrix[:, column]
        values = values[~np.isnan(values)]
        skewed = _skewness(values)
        if feature in FEATURES and FEATURES[feature].to_unit is np.expm1:
            before = _skewness(np.expm1(values))
            rows.append(
                QualityRow("skew", feature, len(values), (), f"log1p: skewness {before:.1f} becomes {skewed:.1f}")
            )
        power = None
        if skew_rule == "yeo-johnson" and abs(skewed) > _SKEWED:
            power = float(np.clip(yeojohnson_normmax(values[:_SAMPLE]), -5.0, 5.0))
            after = _skewness(yeo_johnson(values, power))
            action = f"Yeo-Johnson power {power:.2f}: skewness {skewed:.1f} becomes {after:.1f}"
            rows.append(QualityRow("skew", feature, len(values), (), action))
        powers.append(power)
    return tuple(powers), rows


def _skewness(values: Floats) -> float:
    """Return the skewness of values (n,), 0 where they are all the same."""
    if len(values) < 3 or np.ptp(values) <= 1e-12 * max(1.0, float(np.abs(values).max())):
        return 0.0
    return float(skew(values))
