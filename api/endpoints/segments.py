"""Segments and the baseline that defines them."""

from typing import Any

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from api.access.scopes import Scope
from api.documents import BaselineDocument, SegmentsDocument
from api.etags import tagged
from api.guard import InjectedServices, guarded_router, needs
from api.problems import Refusal, problem_responses
from state.baselines import BaselineStore

__all__ = ["build_segments"]

_NOT_MODIFIED: dict[int | str, dict[str, Any]] = {304: {"description": "The client has this already (If-None-Match)."}}


def build_segments() -> APIRouter:
    """Return the routes under /v1/segments and /v1/baselines."""
    router = guarded_router("/v1", "segments")
    extra = needs(Scope.SEGMENTS_READ)
    router.get("/segments", openapi_extra=extra, responses=_NOT_MODIFIED, response_model=SegmentsDocument)(
        list_segments
    )
    router.get(
        "/baselines/current",
        openapi_extra=extra,
        responses={**_NOT_MODIFIED, **problem_responses(404)},
        response_model=BaselineDocument,
    )(read_live_baseline)
    return router


async def list_segments(services: InjectedServices, request: Request) -> Response:
    """Return every segment with its customers, its share and the means of its members, at most some seconds old."""
    found = await run_in_threadpool(services.segments)
    return tagged(request, SegmentsDocument.model_validate(found), max_age_s=5)


async def read_live_baseline(services: InjectedServices, request: Request) -> Response:
    """Return the baseline that is live: its features, scale, centroids and segments."""
    baseline = await run_in_threadpool(BaselineStore(services.store).current)
    if baseline is None:
        raise Refusal(404, "no baseline is live yet: customers are in RFM tiers until the first is fitted")
    return tagged(request, baseline)
