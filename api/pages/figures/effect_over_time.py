"""Chart of an experiment's effect over time: each treatment's effect and its interval, look by look."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from state.experiments.effect_series import EffectPoint

__all__ = ["effect_over_time_chart"]

_COLOURS = ("s1", "s2", "s3", "s4", "s5", "s7", "s8")


def effect_over_time_chart(looks: Sequence[EffectPoint], *, rate: bool) -> dict[str, Any] | None:
    """Return the figure (rates in percentage points), or None before there are two looks that could say something."""
    treatments = list(dict.fromkeys(name for look in looks for name in look.effects))
    traces = [trace for place, name in enumerate(treatments) for trace in _traces(looks, name, place, rate=rate)]
    if not traces:
        return None
    unit = "percentage points" if rate else "currency units"
    return {
        "data": traces,
        "layout": {
            "yaxis": {"title": {"text": f"difference, {unit}"}, "zeroline": True, "zerolinewidth": 2},
            "xaxis": {"type": "date"},
            "showlegend": len(treatments) > 1,
        },
    }


def _traces(looks: Sequence[EffectPoint], name: str, place: int, *, rate: bool) -> list[dict[str, Any]]:
    """Return the band between the interval's ends and the line of the effect."""
    unit, colour = 100.0 if rate else 1.0, _COLOURS[place % len(_COLOURS)]
    told = [(look, seen) for look in looks if (seen := look.effects.get(name)) and None not in seen]
    if len(told) < 2:
        return []
    when = [datetime.fromtimestamp(look.at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S") for look, _ in told]
    shared = {"type": "scatter", "mode": "lines", "x": when, "legendgroup": name, "segment": colour}
    edge = {**shared, "line": {"width": 0}, "hoverinfo": "skip", "showlegend": False}
    effects = [round(unit * (seen.effect or 0.0), 4) for _, seen in told]
    return [
        {**edge, "y": [round(unit * (seen.low or 0.0), 4) for _, seen in told]},
        {**edge, "y": [round(unit * (seen.high or 0.0), 4) for _, seen in told], "fill": "tonexty", "band": colour},
        {
            **shared, "name": name, "y": effects, "line": {"width": 2.5},
            "customdata": [
                [look.exposed, round(unit * (seen.low or 0.0), 2), round(unit * (seen.high or 0.0), 2)]
                for look, seen in told
            ],
            "hovertemplate": "%{y:+.2f} (%{customdata[1]:+.2f} to %{customdata[2]:+.2f})<br>"
            "%{customdata[0]:,} customers<extra></extra>",
        },
    ]  # fmt: skip
