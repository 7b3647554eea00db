"""Now: event rate, lag, sizes of the segments, and a live feed of segment changes."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from typing import Any, Final

from redis import RedisError
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse

from api.pages.page_access import Visit, visit_from
from api.pages.rendering import page, part
from events.segment_changes import Change
from events.time_units import DAY_MS
from queries.operations.change_feed import NumberedChange
from stream.moves.explanation import explain_change

__all__ = ["feed", "now", "now_part"]

_REPLAYED_MS: Final = DAY_MS
_LOOK_S: Final = 0.5
_SHOWN: Final = 12
_QUIET_LOOKS: Final = 30
_STREAM_LOOKS: Final = 3_600
"""A stream ends after half an hour, and the browser comes back."""


async def now(visit: Visit) -> Response:
    """Return the page."""
    return page(visit, "now.html", **await _values(visit))


async def now_part(visit: Visit) -> Response:
    """Return the figures of the page, which asks for them every two seconds."""
    return part("parts/now.html", **await _values(visit))


async def feed(visit: Visit) -> Response:
    """Return the changes as server-sent events."""
    return StreamingResponse(_events(visit), media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})


async def _values(visit: Visit) -> dict[str, Any]:
    status, segments = await asyncio.gather(
        run_in_threadpool(visit.services.status), run_in_threadpool(visit.services.segments)
    )
    now_ms = await run_in_threadpool(visit.services.inspector.now_ms)
    return {
        "status": status,
        "shop_time": now_ms if time.time_ns() // 1_000_000 - now_ms > _REPLAYED_MS else None,
        "segments": segments,
        "largest": max((each["customers"] for each in segments["segments"]), default=1),
        "rate": visit.services.event_rate.per_s(sum(status["events"].values())),
    }


async def _events(visit: Visit) -> AsyncIterator[bytes]:
    number, quiet, asked = 0, 0, time.monotonic()
    again_s = visit.services.settings.api.api_key_cache_s - _LOOK_S  # a revoked key works no longer than a cached one
    for _ in range(_STREAM_LOOKS):
        if await visit.request.is_disconnected():
            return
        if time.monotonic() - asked >= again_s:
            if not await _still_signed_in(visit):
                return
            asked = time.monotonic()
        fresh = visit.services.change_feed.since(number)
        if fresh:
            number, quiet = fresh[-1].number, 0
            yield _message(fresh)
        else:
            quiet += 1
            if quiet % _QUIET_LOOKS == 0:
                yield b": nothing new\n\n"  # so that nobody between takes the connection for dead
        await asyncio.sleep(_LOOK_S)


async def _still_signed_in(visit: Visit) -> bool:
    """Return whether the session and its key hold; not where Redis is away: the browser comes back and asks again."""
    try:
        return await visit_from(visit.request) is not None
    except RedisError:
        return False


def _before_nothing(change: Change) -> str | None:
    """Return what stands before the arrow for a customer without a segment: nothing where the segment is its first."""
    return None if change.merged_into is None else "no segment"


def _message(fresh: list[NumberedChange]) -> bytes:
    """Return the newest changes, and how many more there were: nobody reads hundreds a second."""
    shown = [
        {
            "customer": seen.change.customer_id,
            "segment": seen.change.segment or f"one person with {seen.change.merged_into}",
            "before": seen.change.previous_segment or seen.change.previous or _before_nothing(seen.change),
            "cause": seen.change.cause,
            "why": explain_change(seen.change),
            "at": seen.change.changed_at[:19].replace("T", " "),
        }
        for seen in fresh[-_SHOWN:]
    ]
    document = {"changes": shown, "more": max(0, len(fresh) - _SHOWN)}
    return f"event: changes\ndata: {json.dumps(document)}\n\n".encode()
