"""The report as one HTML page that opens offline: pictures and style are in it, every text is escaped."""

import math
from collections.abc import Mapping, Sequence
from importlib import resources
from typing import Any, Final

import jinja2

from batch.identity.move_preview import moved_share
from batch.report import EVENT_FILES
from batch.report.segment_charts import (
    correlation_chart,
    countries_chart,
    distribution_chart,
    flows_chart,
    heat_map_chart,
    scatter_chart,
)
from batch.report.selection_charts import candidates_chart, silhouette_chart
from batch.world.map_drawing import draw_world
from events.schema.outputs import Baseline

__all__ = ["report_page"]

_NOBODY: Final = "without a segment"
_ALSO_DRAWN: Final = {"average_order_value", "tenure", "age", "income", "lifetime_value"}
_FROM_FILES: Final = "Fitted on files of events: nothing is stored."
_STATUS: Final = {
    "proposed": "Proposed: nothing changes until somebody approves it.",
    "approved": "Live: every customer is in one of these segments.",
    "rejected": "Rejected: it never went live.",
    "retired": "Retired: another baseline is live now.",
}


def report_page(baseline: Baseline, facts: Mapping[str, Any]) -> str:
    """Return the page of a baseline; `facts` is its `report_document`. Needs no network to be read."""
    names = [each.segment for each in baseline.segments]
    environment = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    environment.filters |= {"figure": _figure, "percent": _percent, "words": lambda name: name.replace("_", " ")}
    template = environment.from_string((resources.files("batch.report") / "page.html").read_text(encoding="utf-8"))
    return template.render(
        baseline=baseline,
        facts=facts,
        status=_FROM_FILES if baseline.proposed_by == EVENT_FILES else _STATUS[baseline.status],
        offline=baseline.proposed_by == EVENT_FILES,
        quality_word=_quality_word(baseline.silhouette),
        segments=_segments(baseline, facts),
        lineage=_lineage(baseline, facts),
        moved=moved_share(baseline.moves),
        moves=[(*each, _stays(each)) for each in _moves(baseline, facts) if baseline.proposed_by != EVENT_FILES],
        columns=_columns(baseline, facts),
        pictures=_pictures(baseline, facts, names),
    )


def _columns(baseline: Baseline, facts: Mapping[str, Any]) -> list[str]:
    """Return the features of the table of segments: those that it is made of, then the others that are known."""
    return [name for name in dict.fromkeys([*baseline.features, *facts["units"]]) if name in facts["units"]]


def _segments(baseline: Baseline, facts: Mapping[str, Any]) -> list[dict[str, Any]]:
    total = max(1, sum(each.customers for each in baseline.segments))
    return [
        {
            "segment": segment,
            "share": segment.customers / total,
            "profile": profile,
            "highlights": _highlights(profile["means"], facts),
        }
        for segment, profile in zip(baseline.segments, facts["profiles"], strict=True)
    ]


def _highlights(means: Mapping[str, float], facts: Mapping[str, Any]) -> list[str]:
    """Return the three figures in which a segment differs most from all customers, as sentences."""
    ratios = []
    for name, mean in means.items():
        overall = facts["overall"].get(name)
        if overall and overall > 0 and mean >= 0:
            ratios.append((abs(math.log((mean + 0.01 * overall) / overall)), name, mean, overall))
    found = []
    for _, name, mean, overall in sorted(ratios, reverse=True)[:3]:
        found.append(f"{facts['units'][name]}: {_figure(mean)} (all customers: {_figure(overall)})")
    return found


def _lineage(baseline: Baseline, facts: Mapping[str, Any]) -> list[dict[str, str]]:
    names = facts["names_before"] | {each.segment_id: each.segment for each in baseline.lineage}
    said = {
        "kept": "continues",
        "split": "comes from {} which fell apart",
        "merged": "takes in {}",
        "born": "is new",
        "retired": "ends",
    }
    found = []
    for each in baseline.lineage:
        others = [names.get(one, one) for one in each.related if one != each.segment_id or each.kind == "split"]
        words = said[each.kind].format(" and ".join(others) or "another segment")
        if each.kind == "retired" and others:
            words += f"; most of its customers go to {others[0]}"
        found.append({"segment_id": each.segment_id, "segment": each.segment, "words": words})
    return found


def _moves(baseline: Baseline, facts: Mapping[str, Any]) -> list[tuple[str, str, int]]:
    """Return from where to where customers go, named with ids, the largest first; who stays is in it."""
    before = {each.segment_id: each.segment for each in baseline.lineage} | facts["names_before"]
    after = {each.segment_id: each.segment for each in baseline.segments}
    named = [
        (
            _labelled(before.get(each.source, ""), each.source) if each.source else _NOBODY,
            _labelled(after[each.target], each.target),
            each.customers,
        )
        for each in baseline.moves
    ]
    return sorted(named, key=lambda each: -each[2])


def _stays(move: tuple[str, str, int]) -> bool:
    return move[0].rpartition(" (")[2] == move[1].rpartition(" (")[2]


def _labelled(name: str, segment_id: str) -> str:
    return f"{name} ({segment_id})" if name else segment_id


def _pictures(baseline: Baseline, facts: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    units = facts["units"]
    flows = _moves(baseline, facts)
    found: dict[str, Any] = {
        "heat": heat_map_chart(
            names,
            [units.get(name, name) for name in baseline.features],
            [each.centroid for each in baseline.segments],
        ),
        "candidates": candidates_chart(facts["tried"], baseline.algorithm, baseline.k) if facts["tried"] else "",
        "silhouettes": silhouette_chart(facts["silhouettes"], names[: baseline.k]) if facts["silhouettes"] else "",
        "scatter": scatter_chart(facts["picture"], names[: baseline.k]),
        "countries": countries_chart(facts["places"], names) if facts["places"] else "",
        "world": draw_world(
            {(country, names[label]): count for country, label, count in facts["places"].get("everywhere", [])}
        ),
        "correlation": "",
        "flows": "",
        "distributions": [
            (name, distribution_chart(units[name], facts["distributions"][name], names))
            for name in _columns(baseline, facts)
            if name in baseline.features or name in _ALSO_DRAWN
        ],
    }
    if len(facts["correlation"]["features"]) > 1:
        found["correlation"] = correlation_chart(facts["correlation"]["features"], facts["correlation"]["matrix"])
    if flows and baseline.proposed_by != EVENT_FILES:
        before = list(dict.fromkeys(source for source, _, _ in flows))
        after = [_labelled(each.segment, each.segment_id) for each in baseline.segments]
        found["flows"] = flows_chart(flows, before, after)
    return found


def _quality_word(silhouette: float | None) -> str:
    """Return how clear the segments are, in words (the bounds of Kaufman and Rousseeuw 1990)."""
    if silhouette is None:
        return "not measurable"
    bounds = ((0.70, "very clear"), (0.50, "clear"), (0.25, "recognisable, with overlaps"))
    return next((word for bound, word in bounds if silhouette > bound), "weak: customers differ by degrees")


def _figure(value: float | None) -> str:
    """Return a number as people read it.

    >>> _figure(1234.56), _figure(3.14159), _figure(0.0312), _figure(None)
    ('1,235', '3.1', '0.03', '–')
    """
    if value is None:
        return "–"
    if abs(value) >= 100 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:,.1f}" if abs(value) >= 1 else f"{value:,.2f}"


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{value:.1%}"
