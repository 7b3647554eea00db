"""Clean a feature matrix for fitting, so that the live model can repeat every step from a customer's record.

What comes out is a scale (bounds, centre, divisor of each feature) and a report; no customer is dropped for a missing
value, and no step needs to know the other customers when it is repeated for one of them later.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from batch.data.data_quality import QualityRow
from batch.data.skewness import apply_powers, choose_powers
from batch.errors import FeatureMissing, NoCustomers
from batch.fit_options import FitOptions
from events.arrays import Flags, Floats

__all__ = ["Cleaned", "Scale", "clean"]


_EXAMPLES = 10
_FENCE = 3.0
_WINSORISED = 0.001
_PLAUSIBLE = {"age": (0.0, 110.0), "income": (0.0, np.inf)}
_ISOLATED_AT = 6.0


@dataclass(frozen=True)
class Scale:
    """How raw features become comparable: clipped to `lower` and `upper`, power, less `center`, by `scale`; (d,) each.

    `power` holds the Yeo-Johnson power of each feature, None where it stays as it is.
    """

    lower: Floats
    upper: Floats
    center: Floats
    scale: Floats
    power: tuple[float | None, ...]

    def apply(self, matrix: Floats) -> Floats:
        """Return the standardised matrix (n, d), NaN where missing, as the live segmenter computes it."""
        return np.asarray(
            (apply_powers(np.clip(matrix, self.lower, self.upper), self.power) - self.center) / self.scale
        )


@dataclass(frozen=True)
class Cleaned:
    """A standardised matrix (n, d) with NaN where missing, the scale, who is an outlier (n,), and the report."""

    standard: Floats
    scale: Scale
    isolated: Flags
    rows: tuple[QualityRow, ...]


def clean(matrix: Floats, features: Sequence[str], ids: npt.NDArray[np.object_], options: FitOptions) -> Cleaned:
    """Return features (n, d; NaN where missing) cleaned for fitting. Raises NoCustomers, FeatureMissing."""
    if not len(matrix):
        raise NoCustomers("there are no customers yet: publish orders or profiles first, then fit a baseline")
    report = _missing(matrix, features, ids)
    lower, upper = _plausible_bounds(features)
    report += _out_of_bounds(
        matrix, features, ids, lower, upper, step="impossible", done="counted as the nearest possible value"
    )
    bounded = np.clip(matrix, lower, upper)
    if options.outliers == "winsorise":
        least, most = _tukey_fences(bounded)
        lower, upper = np.maximum(lower, least), np.minimum(upper, most)
        report += _out_of_bounds(
            bounded, features, ids, lower, upper, step="outliers", done="winsorised, in the transformed unit, to"
        )
        bounded = np.clip(bounded, lower, upper)
    power, skew_rows = choose_powers(bounded, features, options.skew)
    shaped = apply_powers(bounded, power)
    isolated = np.zeros(len(matrix), np.bool_)
    if options.outliers == "isolate":
        isolated, found = _find_outliers(shaped, ids)
        skew_rows += found
    center, divisor = _center_and_scale(shaped[~isolated], options.scaling)
    scale = Scale(lower, upper, center, divisor, power)
    report += [*skew_rows, *_constants(bounded, features), _scaled(len(matrix), options.scaling)]
    return Cleaned(scale.apply(matrix), scale, isolated, tuple(report))


def _missing(matrix: Floats, features: Sequence[str], ids: npt.NDArray[np.object_]) -> list[QualityRow]:
    rows = []
    for column, feature in enumerate(features):
        missing = np.isnan(matrix[:, column])
        if missing.all():
            raise FeatureMissing(
                f"none of the {len(matrix):,} customers has a value of {feature!r}; leave the feature out, or wait for "
                "the events that carry it"
            )
        if missing.any():
            action = "left out of the customer's distances; counted as the mean while the clusters are searched"
            rows.append(QualityRow("missing", feature, int(missing.sum()), _examples(ids, missing), action))
    return rows


def _plausible_bounds(features: Sequence[str]) -> tuple[Floats, Floats]:
    bounds = [_PLAUSIBLE.get(feature, (-np.inf, np.inf)) for feature in features]
    return np.array([low for low, _ in bounds]), np.array([high for _, high in bounds])


def _out_of_bounds(
    matrix: Floats,
    features: Sequence[str],
    ids: npt.NDArray[np.object_],
    lower: Floats,
    upper: Floats,
    *,
    step: str,
    done: str,
) -> list[QualityRow]:
    """Return a row for each feature of which some values lie outside the bounds."""
    rows = []
    for column, feature in enumerate(features):
        beyond = (matrix[:, column] < lower[column]) | (matrix[:, column] > upper[column])
        if beyond.any():
            action = f"{done} {lower[column]:.4g} … {upper[column]:.4g}"
            rows.append(QualityRow(step, feature, int(beyond.sum()), _examples(ids, beyond), action))
    return rows


def _tukey_fences(matrix: Floats) -> tuple[Floats, Floats]:
    """Return the least and largest value (d,) that each feature keeps: Tukey's outer fences, but never a whole segment.

    Beyond Q1 - 3 IQR and Q3 + 3 IQR a value is far out (Tukey, "Exploratory Data Analysis", 1977). A segment of very
    good customers lies there too, so at most one in a thousand customers (and at least one) is winsorised on each side.
    """
    n = len(matrix)
    winsorised = max(1, int(_WINSORISED * n))
    ordered = np.sort(matrix, axis=0)  # NaN last
    known = n - np.isnan(matrix).sum(axis=0)
    first, third = np.nanquantile(matrix, [0.25, 0.75], axis=0)
    columns = np.arange(matrix.shape[1])
    reach = _FENCE * (third - first)
    kept_low = ordered[np.minimum(winsorised, known - 1), columns]
    kept_high = ordered[np.maximum(known - 1 - winsorised, 0), columns]
    return np.minimum(first - reach, kept_low), np.maximum(third + reach, kept_high)


def _constants(matrix: Floats, features: Sequence[str]) -> list[QualityRow]:
    rows = []
    for column, feature in enumerate(features):
        if np.nanmin(matrix[:, column]) == np.nanmax(matrix[:, column]):
            action = f"the same for everyone ({matrix[0, column]:.4g}): it separates nobody and is left unscaled"
            rows.append(QualityRow("constant", feature, len(matrix), (), action))
    return rows


def _center_and_scale(matrix: Floats, scaling: str) -> tuple[Floats, Floats]:
    """Return the centre and divisor (d,) of each feature; 1 where all values are the same."""
    if scaling == "standard":
        center, divisor = np.nanmean(matrix, axis=0), np.nanstd(matrix, axis=0)
    else:
        center = np.nanmedian(matrix, axis=0)
        first, third = np.nanquantile(matrix, [0.25, 0.75], axis=0)
        divisor = (third - first) / 1.349  # of a normal distribution, the standard deviation
        divisor = np.where(divisor > 0, divisor, np.nanstd(matrix, axis=0))
    tiny = 1e-12 * np.maximum(1.0, np.abs(center))  # rounding alone spreads equal values so far
    return center, np.where(divisor > tiny, divisor, 1.0)


def _find_outliers(matrix: Floats, ids: npt.NDArray[np.object_]) -> tuple[Flags, list[QualityRow]]:
    """Return who lies far from the median in some feature, by the median absolute deviation (n,), and the report.

    Iglewicz and Hoaglin, "How to Detect and Handle Outliers" (1993): the modified z-score.
    """
    distance = np.abs(matrix - np.nanmedian(matrix, axis=0))
    deviation = 1.4826 * np.nanmedian(distance, axis=0)
    deviation = np.where(deviation > 0, deviation, np.nanstd(matrix, axis=0))
    far = np.asarray((np.nan_to_num(distance) > _ISOLATED_AT * deviation).any(axis=1))
    action = f"left out of the fit: more than {_ISOLATED_AT:g} robust deviations from the median"
    if (
        np.isnan(matrix[~far]).all(axis=0).any()
    ):  # among so few, "far" says nothing: a feature would be left without values
        return np.zeros(len(matrix), np.bool_), []
    return far, [QualityRow("outliers", "", int(far.sum()), _examples(ids, far), action)] if far.any() else []


def _scaled(n: int, scaling: str) -> QualityRow:
    words = {"standard": "mean and standard deviation", "robust": "median and interquartile range / 1.349"}
    return QualityRow("scaling", "", n, (), f"each feature scaled by {words[scaling]}")


def _examples(ids: npt.NDArray[np.object_], chosen: Flags) -> tuple[str, ...]:
    return tuple(str(each) for each in ids[np.flatnonzero(chosen)[:_EXAMPLES]])
