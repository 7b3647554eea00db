"""Segments: which there are, how they grew, what their members are like, and who moved."""

from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from api.pages.charts import flow_chart, heat_map, scatter, sizes_chart
from api.pages.door import Visit
from api.pages.rendering import page
from api.services import Services
from state.moves import NO_SEGMENT

__all__ = ["segments"]


async def segments(visit: Visit) -> Response:
    """Return the page."""
    return page(visit, "segments.html", **await run_in_threadpool(_values, visit.services))


def _values(services: Services) -> dict[str, Any]:
    found, names = services.population(), services.segment_names()
    ordered = sorted(found.sizes[0].items(), key=lambda item: -item[1])
    rows: list[dict[str, Any]] = [
        {
            "segment_id": segment,
            "segment": names.get(segment, segment),
            "customers": count,
            "share": count / found.customers,
            "change": found.change(segment),
            "recency": found.mean(segment, "recency"),
            "frequency": found.mean(segment, "frequency"),
            "monetary": found.mean(segment, "monetary"),
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
        "profile": heat_map(found, names) if rows else None,
        "flows": flow_chart(found, names) if rows else None,
        "picture": scatter(found, services.segmenter(), names) if rows else None,
    }
