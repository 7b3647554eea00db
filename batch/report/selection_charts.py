"""Charts of the selection: how the candidates compare, and how well each customer fits its segment."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from batch.report.matplotlib_svg import COLOURS, INK, colour, picture, short

__all__ = ["candidates_chart", "silhouette_chart"]

_WIDTH: Final = 8.6


def candidates_chart(tried: Sequence[Mapping[str, Any]], algorithm: str, k: int) -> str:
    """Return the silhouette and the within-cluster sum of squares of the candidates by their number of segments."""
    with picture(_WIDTH, 3.0) as drawn:
        panels = drawn.axes(1, 2)
        for axes, field, title in zip(
            panels,
            ("silhouette", "inertia"),
            ("Silhouette (larger is better)", "Sum of squares within segments (elbow)"),
            strict=True,
        ):
            for place, name in enumerate(dict.fromkeys(each["algorithm"] for each in tried)):
                points = sorted(
                    (each["k"], each[field]) for each in tried if each["algorithm"] == name and each[field] is not None
                )
                if points:
                    style = {"color": COLOURS[place % len(COLOURS)], "markersize": 4, "linewidth": 1.4}
                    axes.plot([x for x, _ in points], [y for _, y in points], "o-", label=name, **style)
            chosen = [each for each in tried if each["algorithm"] == algorithm and each["k"] == k]
            if chosen and chosen[0][field] is not None:
                axes.plot([k], [chosen[0][field]], "o", markersize=11, markerfacecolor="none", color=INK)
            axes.set_title(title)
            axes.set_xlabel("segments")
            axes.xaxis.get_major_locator().set_params(integer=True)
        panels[0].legend(frameon=False, fontsize=8)
    return drawn.uri


def silhouette_chart(found: Sequence[Sequence[float]], names: Sequence[str]) -> str:
    """Return the silhouette plot: one bar a sampled customer, by segment (Rousseeuw 1987)."""
    with picture(_WIDTH, 1.0 + 0.5 * len(names)) as drawn:
        (axes,) = drawn.axes()
        start, total = 0, sum(len(each) for each in found)
        ticks = []
        for place, values in enumerate(found):
            rows = np.arange(start, start + len(values))
            axes.fill_betweenx(rows, 0, values, color=colour(place), linewidth=0)
            ticks.append(start + len(values) / 2)
            start += len(values) + max(2, total // 60)
        mean = float(np.mean([value for values in found for value in values]))
        axes.axvline(mean, color=INK, linewidth=1, linestyle="--")
        axes.set_yticks(ticks, [short(name) for name in names])
        axes.invert_yaxis()
        axes.set_xlabel("silhouette: 1 fits its segment well, 0 lies between two, below 0 is nearer to another")
    return drawn.uri
