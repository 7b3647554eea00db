"""Health, readiness, state of the pipeline, and metrics."""

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST
from redis import RedisError
from starlette.concurrency import run_in_threadpool

from api.access.scopes import Scope
from api.endpoints.pipeline_responses import Health, PipelineStatus, Readiness
from api.serving.scope_guard import InjectedServices, guarded_router, requires_scope
from state.store import keys

__all__ = ["health_router", "operations_router"]


def health_router() -> APIRouter:
    """Return /health and /ready, which need no key."""
    router = APIRouter(tags=["operations"])
    router.get("/health", response_model=Health)(health)
    router.get(
        "/ready", response_model=Readiness, responses={503: {"model": Readiness, "description": "Redis is away."}}
    )(ready)
    return router


def operations_router() -> APIRouter:
    """Return /v1/operations and /metrics."""
    router = guarded_router(tag="operations")
    extra = requires_scope(Scope.SEGMENTS_READ)
    router.get("/v1/operations", openapi_extra=extra, response_model=PipelineStatus)(operations)
    router.get(
        "/metrics",
        openapi_extra=extra,
        response_class=PlainTextResponse,
        responses={200: {"content": {"text/plain": {}}, "description": "Prometheus's text format"}},
    )(metrics)
    return router


async def health() -> Health:
    """Say that the process answers."""
    return Health(status="ok")


async def ready(request: Request) -> Response:
    """Say whether requests can be answered."""
    try:
        await request.app.state.services.redis.exists(keys.FORMAT)  # also where Redis takes no writes
    except RedisError:
        return JSONResponse({"ready": False}, 503)
    return JSONResponse({"ready": True})


async def operations(services: InjectedServices) -> PipelineStatus:
    """Return workers, partitions, lag, and what became of the events; at most two seconds old."""
    return PipelineStatus.model_validate(await run_in_threadpool(services.status))


async def metrics(services: InjectedServices) -> Response:
    """Return metrics for Prometheus, which sends a key as its bearer token."""
    return Response(await run_in_threadpool(services.request_metrics.text), media_type=CONTENT_TYPE_LATEST)
