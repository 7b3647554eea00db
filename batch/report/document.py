"""The content of a report, as JSON: aggregates only, so that no customer id outlives its erasure."""

from collections import Counter
from dataclasses import asdict
from typing import Any, Final

import numpy as np
import pandas as pd
from sklearn.metrics import silhouette_samples

from batch.candidate import Candidate
from batch.data.customer_metrics import customer_metrics, unit_names
from batch.data.customer_table import CustomerTable
from batch.data.lifetime_values import LifetimeSummary, LifetimeUnavailable
from batch.data.principal_components import PcaProjection
from events.arrays import Floats
from events.schema.outputs import Baseline

__all__ = ["report_document"]


_BINS: Final = 30
_COUNTRIES: Final = 12
_SILHOUETTE_SAMPLE: Final = 2_000
_SCORES: Final = ("recency_score", "frequency_score", "monetary_score")
_QUANTILES: Final = (0.05, 0.25, 0.5, 0.75, 0.95)


def report_document(
    table: CustomerTable, candidate: Candidate, baseline: Baseline, live: Baseline | None
) -> dict[str, Any]:
    """Return what the report shows of a baseline that is proposed in the place of `live`, as JSON values.

    It holds no customer ids: histograms, quantiles, counts, and points without a name.
    """
    frame = customer_metrics(table, candidate.lifetime)
    units = unit_names(table.attributes)
    known = [
        str(name)
        for name in frame.columns
        if name not in _SCORES and _is_informative(frame[name], str(name), candidate)
    ]
    numbers = {name: frame[name].to_numpy(np.float64) for name in known}
    return {
        "fitted_on": len(table),
        "population": table.population or len(table),
        "seed": candidate.seed,
        "agreement": candidate.agreement,
        "units": {name: units[name] for name in known},
        "quality": [  # without the examples, which are customers
            {"step": row.step, "feature": row.feature, "customers": row.customers, "action": row.action}
            for row in candidate.quality
        ],
        "distributions": {name: _distribution(values, candidate) for name, values in numbers.items()},
        "correlation": {"features": known, "matrix": _correlation(frame[known])},
        "tried": [asdict(each) for each in candidate.tried],
        "silhouettes": _silhouettes(table, candidate),
        "picture": _picture(candidate.picture),
        "overall": {name: float(np.nanmean(values)) for name, values in numbers.items()},
        "profiles": [asdict(each) | {"means": each.means} for each in candidate.segments],
        "fidelity": candidate.fidelity,
        "lifetime": _lifetime(candidate.lifetime),
        "places": _places(table, candidate),
        "names_before": {each.segment_id: each.segment for each in live.segments} if live else {},
    }


def _picture(picture: PcaProjection) -> dict[str, Any]:
    return {
        "points": np.round(picture.points, 4).tolist(),
        "labels": picture.labels.tolist(),
        "centroids": np.round(picture.centroids, 4).tolist(),
        "explained": picture.explained.tolist(),
    }


def _is_informative(values: "pd.Series[float]", name: str, candidate: Candidate) -> bool:
    """Whether a metric is reported: known for some customer, and not 0 for all."""
    return bool(values.notna().any()) and (name in candidate.features or bool((values.fillna(0.0) != 0.0).any()))


def _distribution(values: Floats, candidate: Candidate) -> dict[str, Any]:
    """Return a histogram up to the 99th percentile, and quantiles of each segment."""
    present = values[~np.isnan(values)]
    low, high = float(present.min()), float(np.quantile(present, 0.99))
    edges = np.linspace(low, high if high > low else low + 1.0, _BINS + 1)
    counts, _ = np.histogram(np.minimum(present, edges[-1]), edges)
    segments = []
    for label in range(len(candidate.segments)):
        mine = values[candidate.labels == label]
        mine = mine[~np.isnan(mine)]
        segments.append(np.quantile(mine, _QUANTILES).tolist() if len(mine) else None)
    return {
        "edges": edges.tolist(),
        "counts": counts.tolist(),
        "missing": int(np.isnan(values).sum()),
        "quantiles": segments,
    }


def _correlation(numbers: pd.DataFrame) -> list[list[float | None]]:
    """Return Pearson's correlation of each pair of columns over the customers that have both, null where undefined."""
    found = numbers.corr(min_periods=3).to_numpy()
    return [[None if np.isnan(each) else round(float(each), 4) for each in row] for row in found]


def _silhouettes(table: CustomerTable, candidate: Candidate) -> list[list[float]]:
    """Return the silhouettes of a sample of customers, by segment, the largest first (Rousseeuw 1987)."""
    standard = np.nan_to_num(candidate.scale.apply(table.matrix(candidate.features)))
    placed = np.flatnonzero((candidate.labels >= 0) & (candidate.labels < candidate.k))
    chosen = np.random.default_rng(candidate.seed).permutation(placed)[:_SILHOUETTE_SAMPLE]
    labels = candidate.labels[chosen]
    if not 1 < len(np.unique(labels)) < len(chosen):
        return []
    values = silhouette_samples(standard[chosen], labels)
    return [np.round(np.sort(values[labels == label])[::-1], 4).tolist() for label in range(candidate.k)]


def _lifetime(found: LifetimeSummary | LifetimeUnavailable) -> dict[str, Any]:
    """Return what lifetime value rests on, or why there is none; each customer's own stays out."""
    if isinstance(found, LifetimeUnavailable):
        return {"reason": found.reason}
    return asdict(found.models)


def _places(table: CustomerTable, candidate: Candidate) -> dict[str, Any]:
    """Return how many customers of each segment live in each of the largest countries."""
    if "country" not in table.profiles.columns:
        return {}
    countries = table.profiles["country"].astype(object).where(table.profiles["country"].notna(), None).to_numpy()
    known = np.array([each is not None for each in countries], np.bool_)
    if not known.any():
        return {}
    found, counts = np.unique(countries[known].astype(str), return_counts=True)
    largest = found[np.argsort(-counts, kind="stable")][:_COUNTRIES].tolist()
    return {
        "countries": largest,
        "customers": [
            [int(((countries == country) & (candidate.labels == label)).sum()) for country in largest]
            for label in range(len(candidate.segments))
        ],
        "everywhere": [
            [str(country), int(label), int(count)]
            for (country, label), count in Counter(
                zip(countries[known].tolist(), candidate.labels[known].tolist(), strict=True)
            ).items()
            if label >= 0
        ],
        "unknown": int((~known).sum()),
        "elsewhere": int(known.sum() - sum(sorted(counts.tolist(), reverse=True)[:_COUNTRIES])),
    }
