"""Is the service there, is it ready, how is the pipeline doing."""

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST
from redis import RedisError
from starlette.concurrency import run_in_threadpool

from api.access.scopes import Scope
from api.endpoints.response_models import Health, Operations, Readiness
from api.serving.scope_guard import InjectedServices, guarded_router, needs

__all__ = ["build_open", "build_operations"]


def build_open() -> APIRouter:
    """Return the routes that need no key."""
    router = APIRouter(tags=["operations"])
    router.get("/health", response_model=Health)(health)
    router.get(
        "/ready", response_model=Readiness, responses={503: {"model": Readiness, "description": "Redis is away."}}
    )(ready)
    return router


def build_operations() -> APIRouter:
    """Return /v1/operations and /metrics."""
    router = guarded_router(tag="operations")
    extra = needs(Scope.SEGMENTS_READ)
    router.get("/v1/operations", openapi_extra=extra, response_model=Operations)(operations)
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
        await request.app.state.services.redis.ping()
    except RedisError:
        return JSONResponse({"ready": False}, 503)
    return JSONResponse({"ready": True})


async def operations(services: InjectedServices) -> Operations:
    """Return workers, partitions, lag, and what became of the events; at most two seconds old."""
    return Operations.model_validate(await run_in_threadpool(services.status))


async def metrics(services: InjectedServices) -> Response:
    """Return metrics for Prometheus, which sends a key as its bearer token."""
    return Response(await run_in_threadpool(services.traffic.text), media_type=CONTENT_TYPE_LATEST)
