"""Charts of the segments: features, distributions, countries, moves."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from batch.report.matplotlib_svg import INK, colour, legend, picture, short

__all__ = [
    "correlation_chart",
    "countries_chart",
    "distribution_chart",
    "flows_chart",
    "heat_map_chart",
    "scatter_chart",
]

_WIDTH: Final = 8.6
_WRITTEN_IN_FULL: Final = 8
"""Features up to which every correlation is written into its cell; of more, only those from 0.3 on."""
_NOTABLE: Final = 0.3
_UPRIGHT: Final = 4
"""Columns whose names fit beside each other."""


def heat_map_chart(rows: Sequence[str], columns: Sequence[str], values: Sequence[Sequence[float]]) -> str:
    """Return a heat map of segments (rows) by features (columns): standard deviations from the average customer."""
    numbers = np.array(values, np.float64).reshape(len(rows), len(columns))
    largest = max(1.0, float(np.nanmax(np.abs(numbers), initial=1.0)))
    with picture(_WIDTH, 1.2 + 0.42 * len(rows)) as drawn:
        (axes,) = drawn.axes()
        image = axes.imshow(numbers, cmap="RdBu_r", vmin=-largest, vmax=largest, aspect="auto")
        crowded = len(columns) > _UPRIGHT
        turned = {"rotation": 20, "ha": "right"} if crowded else {}
        axes.set_xticks(range(len(columns)), [short(name, 26) for name in columns], **turned)
        axes.set_yticks(range(len(rows)), [short(name) for name in rows])
        _write_cells(axes, numbers, largest)
        drawn.figure.colorbar(image, ax=axes, shrink=0.9, label="standard deviations")
    return drawn.uri


def correlation_chart(names: Sequence[str], matrix: Sequence[Sequence[float | None]]) -> str:
    """Return a heat map of the correlation of features."""
    numbers = np.array([[np.nan if each is None else each for each in row] for row in matrix], np.float64)
    crowded = len(names) > _WRITTEN_IN_FULL
    with picture(_WIDTH, 1.4 + (0.32 if crowded else 0.42) * len(names)) as drawn:
        (axes,) = drawn.axes()
        image = axes.imshow(numbers, cmap="RdBu_r", vmin=-1, vmax=1, aspect="auto")
        turned = {"rotation": 55 if crowded else 30, "ha": "right", "rotation_mode": "anchor"}
        axes.set_xticks(range(len(names)), [name.replace("_", " ") for name in names], **turned)
        axes.set_yticks(range(len(names)), [name.replace("_", " ") for name in names])
        _write_cells(axes, numbers, 1.0, least=_NOTABLE if crowded else 0.0)
        drawn.figure.colorbar(image, ax=axes, shrink=0.9, label="correlation")
    return drawn.uri


def _write_cells(axes: Any, numbers: Any, largest: float, least: float = 0.0) -> None:
    """Write the values from `least` on into their cells."""
    for row, column in np.ndindex(*numbers.shape):
        value = float(numbers[row, column])
        if abs(value) >= least:  # NaN is not
            ink = "white" if abs(value) > 0.6 * largest else INK
            axes.text(column, row, f"{round(value, 1) + 0.0:+.1f}", ha="center", va="center", color=ink, fontsize=8)


def distribution_chart(title: str, found: Mapping[str, Any], names: Sequence[str]) -> str:
    """Return a histogram of all customers, and below it the spread of each segment."""
    edges, counts = np.array(found["edges"]), np.array(found["counts"])
    with picture(_WIDTH, 2.2 + 0.3 * len(names)) as drawn:
        above, below = drawn.axes(2, 1, sharex=True, height_ratios=[2, 0.35 * len(names)])
        above.bar(edges[:-1], counts, np.diff(edges), align="edge", color="#b9c6cf", edgecolor="white", linewidth=0.5)
        above.set_ylabel("customers")
        above.set_title(title)
        places = list(range(len(names)))[::-1]
        for place, quantiles in zip(places, found["quantiles"], strict=True):
            if quantiles is None:
                continue
            low, first, middle, third, high = np.minimum(quantiles, edges[-1]).tolist()
            segment = len(names) - 1 - place
            below.plot([low, high], [place, place], color=colour(segment), linewidth=1.5)
            below.plot([first, third], [place, place], color=colour(segment), linewidth=7, solid_capstyle="butt")
            below.plot([middle], [place], "o", color="white", markersize=3.5)
        below.set_yticks(places, [short(name) for name in names])
        below.set_ylim(-0.6, len(names) - 0.4)
    return drawn.uri


def scatter_chart(found: Mapping[str, Any], names: Sequence[str]) -> str:
    """Return the customers on the first two principal components, coloured by segment."""
    points, labels = np.array(found["points"]), np.array(found["labels"])
    explained, centroids = found["explained"], np.array(found["centroids"])
    with picture(_WIDTH, 4.6) as drawn:
        (axes,) = drawn.axes()
        for place in range(len(names)):
            mine = points[labels == place]
            axes.scatter(mine[:, 0], mine[:, 1], s=6, color=colour(place), alpha=0.6, linewidths=0, rasterized=True)
        axes.scatter(centroids[:, 0], centroids[:, 1], s=90, marker="X", color=INK, edgecolors="white", linewidths=1)
        axes.set_xlabel(f"first component ({explained[0]:.0%} of the differences)")
        axes.set_ylabel(f"second component ({explained[1]:.0%})")
        legend(axes, names, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return drawn.uri


def countries_chart(found: Mapping[str, Any], names: Sequence[str]) -> str:
    """Return a bar for each country, stacked by segment."""
    countries, counts = found["countries"], np.array(found["customers"], np.float64)
    with picture(_WIDTH, 1.2 + 0.32 * len(countries)) as drawn:
        (axes,) = drawn.axes()
        left = np.zeros(len(countries))
        places = np.arange(len(countries))[::-1]
        for segment in range(len(names)):
            axes.barh(places, counts[segment], left=left, color=colour(segment), height=0.7)
            left += counts[segment]
        axes.set_yticks(places, [short(str(country)) for country in countries])
        axes.set_xlabel("customers")
        legend(axes, names, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return drawn.uri


def flows_chart(flows: Sequence[tuple[str, str, int]], before: Sequence[str], after: Sequence[str]) -> str:
    """Return bands from the segments before (left) to those after (right), as wide as they have customers."""
    total = max(1, sum(count for _, _, count in flows))
    gap = 0.03
    with picture(_WIDTH, 1.0 + 0.55 * max(len(before), len(after))) as drawn:
        (axes,) = drawn.axes()
        left = _stacked(before, {name: sum(n for a, _, n in flows if a == name) / total for name in before}, gap)
        right = _stacked(after, {name: sum(n for _, b, n in flows if b == name) / total for name in after}, gap)
        at_left = {name: top for name, (top, _) in left.items()}
        at_right = {name: top for name, (top, _) in right.items()}
        for source, target, count in flows:
            height = count / total
            shade = colour(list(after).index(target))
            _band(axes, at_left[source], at_right[target], height, shade)
            at_left[source] -= height
            at_right[target] -= height
        for names, side, x in ((left, "right", -0.02), (right, "left", 1.02)):
            for name, (top, height) in names.items():
                axes.plot([x, x], [top, top - height], color=INK, linewidth=4, solid_capstyle="butt")
                axes.text(
                    x - 0.02 if side == "right" else x + 0.02, top - height / 2, short(name, 30), ha=side, va="center"
                )
        axes.set_xlim(-0.75, 1.75)
        axes.axis("off")
    return drawn.uri


def _stacked(names: Sequence[str], heights: Mapping[str, float], gap: float) -> dict[str, tuple[float, float]]:
    top, found = 1.0, {}
    for name in names:
        found[name] = (top, heights[name])
        top -= heights[name] + gap
    return found


def _band(axes: Any, left: float, right: float, height: float, shade: str) -> None:
    x = np.linspace(0.0, 1.0, 40)
    ease = x * x * (3.0 - 2.0 * x)
    top = left + (right - left) * ease
    axes.fill_between(x, top, top - height, color=shade, alpha=0.55, linewidth=0)
