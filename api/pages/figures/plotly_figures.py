"""Figures for Plotly, as plain data; colours and fonts come from the page."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from events.arrays import Floats
from queries.segments.segment_survey import DAYS, Population
from state.customers.recent_segments import NO_SEGMENT, UNKNOWN
from stream.model.segmenter import CentroidSegmenter, Segmenter

__all__ = ["flow_chart", "heat_map", "sankey", "scatter", "sizes_chart"]

Names = dict[str, str]


def sizes_chart(found: Population, names: Names) -> dict[str, Any]:
    """Return the customers of each segment over the last 30 days."""
    ids = sorted({each for sizes in found.sizes.values() for each in sizes} - {NO_SEGMENT, UNKNOWN})
    days = [f"{day} days ago" if day else "now" for day in DAYS]
    return {
        "data": [
            {
                "type": "scatter", "mode": "lines+markers", "name": names.get(each, each), "x": days,
                "y": [found.sizes[day][each] for day in DAYS], "segment": each,
            }
            for each in ids
        ],
        "layout": {"yaxis": {"title": {"text": "customers"}, "rangemode": "tozero"}},
    }  # fmt: skip


def heat_map(found: Population, names: Names) -> dict[str, Any]:
    """Return the means of the features by segment, each feature coloured from its lowest to its highest segment."""
    ids = sorted(found.sums)
    features = [name for name in next(iter(found.sums.values()), {}) if any(found.mean(s, name) for s in ids)]
    means = [[found.mean(segment, name) for name in features] for segment in ids]
    grid = np.array([[np.nan if value is None else value for value in row] for row in means], dtype=float)
    low, high = np.nanmin(grid, axis=0), np.nanmax(grid, axis=0)
    shade = (grid - low) / np.where(high > low, high - low, 1.0)
    return {
        "data": [
            {
                "type": "heatmap", "x": [name.replace("_", " ") for name in features],
                "y": [names.get(each, each) for each in ids],
                "z": [[None if np.isnan(value) else round(float(value), 3) for value in row] for row in shade],
                "text": [["–" if value is None else f"{value:,.1f}" for value in row] for row in means],
                "texttemplate": "%{text}", "hovertemplate": "%{y}, %{x}: %{text}<extra></extra>",
                "showscale": False, "xgap": 2, "ygap": 2, "scale": "page",
            }
        ],
        "layout": {"yaxis": {"autorange": "reversed", "automargin": True}, "xaxis": {"automargin": True}},
    }  # fmt: skip


def flow_chart(found: Population, names: Names) -> dict[str, Any] | None:
    """Return who moved in 30 days as a Sankey diagram, or None where nobody did."""
    moves = [move for move in found.moved() if move[0] not in (NO_SEGMENT, UNKNOWN)]
    return sankey(moves, names)


def sankey(moves: Sequence[tuple[str, str, int]], names: Names) -> dict[str, Any] | None:
    """Return moves (from, to, customers) as a Sankey diagram, or None where there are none."""
    if not moves:
        return None
    then = sorted({move[0] for move in moves})
    now = sorted({move[1] for move in moves})
    return {
        "data": [
            {
                "type": "sankey", "arrangement": "snap",
                "node": {
                    "label": [names.get(each, each) for each in (*then, *now)],
                    "segments": [*then, *now], "pad": 18, "thickness": 14,
                },
                "link": {
                    "source": [then.index(move[0]) for move in moves],
                    "target": [len(then) + now.index(move[1]) for move in moves],
                    "value": [move[2] for move in moves],
                },
            }
        ],
        "layout": {},
    }  # fmt: skip


def scatter(found: Population, segmenter: Segmenter, names: Names) -> dict[str, Any] | None:
    """Return a sample of customers in the two directions in which they differ most; None under the RFM tiers."""
    if not isinstance(segmenter, CentroidSegmenter) or not found.sample:
        return None
    rows = np.concatenate(found.sample)
    vectors = segmenter.vectors(rows, found.now_ms)
    whole = ~np.isnan(vectors).any(axis=1)
    if whole.sum() < 3 or vectors.shape[1] < 2:
        return None
    points, shares = _principal(vectors[whole])
    numbers = rows["segment"][whole]
    return {
        "data": [
            {
                "type": "scatter", "mode": "markers", "name": names.get(f"s{number}", f"s{number}"),
                "x": points[numbers == number, 0].round(3).tolist(),
                "y": points[numbers == number, 1].round(3).tolist(),
                "marker": {"size": 5, "opacity": 0.7}, "hoverinfo": "name", "segment": f"s{number}",
            }
            for number in np.unique(numbers).tolist()
        ],
        "layout": {
            "xaxis": {"title": {"text": f"component 1 ({shares[0]:.0%} of variance)"}},
            "yaxis": {"title": {"text": f"component 2 ({shares[1]:.0%})"}},
        },
    }  # fmt: skip


def _principal(vectors: Floats) -> tuple[Floats, Floats]:
    """Return the points (n, 2) in the first two principal components, and their shares of the variance."""
    centred = vectors - vectors.mean(axis=0)
    _, spread, directions = np.linalg.svd(centred, full_matrices=False)
    total = float((spread**2).sum()) or 1.0
    return centred @ directions[:2].T, spread[:2] ** 2 / total
