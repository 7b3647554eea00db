"""The largest countries in bars, divided by segment: what a map cannot show."""

from collections import Counter
from typing import Any, Final

from queries.segments.countries import Countries

__all__ = ["country_chart"]

_MOST: Final = 12


def country_chart(found: Countries, names: dict[str, str]) -> dict[str, Any] | None:
    """Return the customers of the largest countries by segment as stacked bars, or None where no profile names one."""
    totals = Counter[str]()
    for (country, _), count in found.counts.items():
        totals[country] += count
    if not totals:
        return None
    countries = [country for country, _ in totals.most_common(_MOST)]
    segments = sorted({segment for _, segment in found.counts}, key=lambda each: int(each[1:]))
    return {
        "data": [
            {
                "type": "bar", "orientation": "h", "name": names.get(segment, segment), "segment": segment,
                "x": [found.counts[country, segment] for country in countries], "y": countries,
                "hovertemplate": "%{y}: %{x:,} %{fullData.name}<extra></extra>",
            }
            for segment in segments
        ],
        "layout": {
            "barmode": "stack",
            "yaxis": {"autorange": "reversed", "automargin": True, "type": "category"},
            "legend": {"traceorder": "normal"},
        },
    }  # fmt: skip
