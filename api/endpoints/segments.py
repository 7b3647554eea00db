"""Segments: which there are, and what their members are like."""

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from api.access.scopes import Scope
from api.documents import SegmentsDocument
from api.etags import NOT_MODIFIED, tagged
from api.guard import InjectedServices, guarded_router, needs

__all__ = ["build_segments"]


def build_segments() -> APIRouter:
    """Return the routes under /v1/segments."""
    router = guarded_router("/v1", "segments")
    extra = needs(Scope.SEGMENTS_READ)
    router.get("/segments", openapi_extra=extra, responses=NOT_MODIFIED, response_model=SegmentsDocument)(list_segments)
    return router


async def list_segments(services: InjectedServices, request: Request) -> Response:
    """Return every segment with its customers, its share and the means of its members, at most some seconds old."""
    found = await run_in_threadpool(services.segments)
    return tagged(request, SegmentsDocument.model_validate(found), max_age_s=5)
