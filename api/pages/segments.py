"""Segments: sizes over time, profiles, countries and flows."""

from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from api.pages.figures.country_chart import country_chart
from api.pages.figures.plotly_figures import flow_chart, heat_map, scatter, sizes_chart
from api.pages.page_access import Visit
from api.pages.rendering import page
from api.serving.services import Services
from batch.naming.playbook import play_for
from batch.world.map_drawing import draw_world
from queries.segments.segment_survey import Population
from state.customers.recent_segments import NO_SEGMENT
from stream.customers.features import DEFAULT_FEATURES, FEATURES

__all__ = ["segments"]


async def segments(visit: Visit) -> Response:
    """Return the page."""
    return page(visit, "segments.html", **await run_in_threadpool(_values, visit.services))


def _values(services: Services) -> dict[str, Any]:
    found, names, countries = services.population(), services.segment_names(), services.countries()
    stages = {each.segment_id: each.stage for each in services.segmenter().segments}
    everyone = _means(found, list(found.sums))
    claims = {each["segment_id"]: each for each in services.segments()["segments"]}
    ordered = sorted(found.sizes[0].items(), key=lambda item: -item[1])
    rows: list[dict[str, Any]] = [
        {
            "segment_id": segment,
            "segment": names.get(segment, segment),
            "customers": count,
            "share": count / found.customers,
            "change": found.change(segment),
            "claim": claims.get(segment, {}).get("claim"),
            "holds": claims.get(segment, {}).get("holds"),
            "recency": found.mean(segment, "recency"),
            "frequency": found.mean(segment, "frequency"),
            "monetary": found.mean(segment, "monetary"),
            "play": play_for(_means(found, [segment]), everyone, DEFAULT_FEATURES, stage=stages.get(segment)),
        }
        for segment, count in ordered
    ]
    growing = max((row for row in rows if row["change"]), key=lambda row: row["change"], default=None)
    moved = [move for move in found.moved() if move[0] != NO_SEGMENT]
    return {
        "rows": rows,
        "growing": growing if growing and growing["change"] > 0 else None,
        "moves": [(names.get(then, then), names.get(now, now), count) for then, now, count in moved[:12]],
        "sizes": sizes_chart(found, names) if rows else None,
        "countries": country_chart(countries, names),
        "world": draw_world({(place, names.get(each, each)): n for (place, each), n in countries.counts.items()}),
        "all_profiles": countries.whole,
        "profile": heat_map(found, names) if rows else None,
        "flows": flow_chart(found, names) if rows else None,
        "picture": scatter(found, services.segmenter(), names) if rows else None,
    }


def _means(found: Population, segments: list[str]) -> dict[str, float]:
    """Return the means over some segments of the features that their members have."""
    return {name: mean for name in FEATURES if (mean := found.mean_over(segments, name)) is not None}
