"""Operations: workers, partitions, lag, and what became of the events."""

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from api.pages.door import Visit
from api.pages.rendering import page, part

__all__ = ["operations", "operations_part"]


async def operations(visit: Visit) -> Response:
    """Return the page."""
    return page(visit, "operations.html", status=await run_in_threadpool(visit.services.status))


async def operations_part(visit: Visit) -> Response:
    """Return the figures, which the page asks for every five seconds."""
    return part("operations_part.html", status=await run_in_threadpool(visit.services.status))
