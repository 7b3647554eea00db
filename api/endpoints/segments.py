"""Segments: which there are, and what their members are like."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from api.access.scopes import Scope
from api.endpoints.response_models import SegmentFlows, SegmentsDocument
from api.serving.etags import NOT_MODIFIED, etag_response
from api.serving.scope_guard import InjectedServices, guarded_router, requires_scope

__all__ = ["segments_router"]


def segments_router() -> APIRouter:
    """Return the routes under /v1/segments."""
    router = guarded_router("/v1", "segments")
    extra = requires_scope(Scope.SEGMENTS_READ)
    router.get("/segments", openapi_extra=extra, responses=NOT_MODIFIED, response_model=SegmentsDocument)(list_segments)
    router.get("/segments/flows", openapi_extra=extra, response_model=SegmentFlows)(list_flows)
    return router


async def list_segments(services: InjectedServices, request: Request) -> Response:
    """Return every segment with its customers, its share and the means of its members, at most some seconds old."""
    found = await run_in_threadpool(services.segments)
    return etag_response(request, SegmentsDocument.model_validate(found), max_age_s=5)


async def list_flows(
    services: InjectedServices,
    days: Annotated[float, Query(ge=0.0, le=400.0, description="days back, the whole first day included")] = 30.0,
) -> SegmentFlows:
    """Return how many customers moved from where to where, and why."""
    return SegmentFlows.model_validate(await run_in_threadpool(services.inspector.flows, days))
