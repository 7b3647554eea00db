"""The forest plot of an experiment: each effect with its interval, overall and by segment."""

from typing import Any

from experiments.reporting.document import Deciding, Report

__all__ = ["forest_plot"]


def forest_plot(report: Report, names: dict[str, str], *, rate: bool) -> dict[str, Any] | None:
    """Return the plot of the primary metric (rates in percentage points), or None where no effect can be said yet."""
    rows: list[tuple[str, Deciding]] = [
        (f"all customers{_suffix(report, row.variant)}", row.decides)
        for row in report.overall.comparisons
        if row.role == "primary"
    ]
    rows += [
        (f"{names.get(segment.segment, segment.segment)}{_suffix(report, row.variant)}", row.decides)
        for segment in report.segments
        for row in segment.comparisons
        if row.role == "primary"
    ]
    drawn = [(name, found) for name, found in rows if found.effect is not None and found.ci is not None]
    return _figure(drawn, 100.0 if rate else 1.0, "percentage points" if rate else "currency units") if drawn else None


def _suffix(report: Report, variant: str) -> str:
    """Return what tells treatments apart, where there are several."""
    return f", {variant}" if len({row.variant for row in report.overall.comparisons}) > 1 else ""


def _figure(drawn: list[tuple[str, Deciding]], unit: float, title: str) -> dict[str, Any]:
    effects = [(found.effect or 0.0) * unit for _, found in drawn]
    ends = [found.ci or (0.0, 0.0) for _, found in drawn]
    return {
        "data": [
            {
                "type": "scatter", "mode": "markers", "x": effects, "y": [name for name, _ in drawn],
                "marker": {"size": 9, "symbol": "square"}, "segment": "accent",
                "error_x": {
                    "type": "data", "symmetric": False, "thickness": 2, "width": 5,
                    "array": [high * unit - at for at, (_, high) in zip(effects, ends, strict=True)],
                    "arrayminus": [at - low * unit for at, (low, _) in zip(effects, ends, strict=True)],
                },
                "hovertemplate": "%{y}: %{x:.3f}<extra></extra>",
            }
        ],
        "layout": {
            "xaxis": {"title": {"text": title}, "zeroline": True, "zerolinewidth": 2},
            "yaxis": {"autorange": "reversed", "automargin": True},
            "showlegend": False,
        },
    }  # fmt: skip
