"""Build the application: its routes, its errors, its life."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from api.endpoints.baselines import baselines_router
from api.endpoints.customers import customers_router
from api.endpoints.dead_letters import dead_letters_router
from api.endpoints.erasures import erasures_router
from api.endpoints.experiments import experiments_router
from api.endpoints.operations import health_router, operations_router
from api.endpoints.personal_data import personal_data_router
from api.endpoints.segments import segments_router
from api.endpoints.suppressions import suppressions_router
from api.endpoints.triggers import triggers_router
from api.pages import add_pages
from api.serving.any_text_parameter import register_any_text
from api.serving.problem_details import problem_schemas, register_problems
from api.serving.redis_probe import RedisProbe
from api.serving.request_middleware import HttpLimits
from api.serving.scope_guard import SECURITY_SCHEME
from api.serving.services import open_services
from api.settings import AppSettings
from state.operations.metrics_server import serve_metrics
from state.operations.settings import MetricsSettings

__all__ = ["build_app"]

_ROUTERS = (
    health_router, operations_router, customers_router, personal_data_router, segments_router, baselines_router,
    experiments_router, suppressions_router, erasures_router, triggers_router, dead_letters_router,
)  # fmt: skip

_ABOUT = """Live customer segments and A/B results.

Send a key as `Authorization: Bearer <key>`; `shoal keys create` makes one, and each operation names the scope it needs.
Errors are problem documents (RFC 9457). Money is in the shop's currency, times are RFC 3339.
"""


def build_app(settings: AppSettings) -> FastAPI:
    """Return the application; connections are opened when it starts (RedisUnreachable) and closed when it ends."""

    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        async with open_services(settings) as services:
            app.state.services = services
            serve_metrics(MetricsSettings(), [RedisProbe(services.store)], services.request_metrics.registry)
            yield

    app = FastAPI(
        title="Shoal", version=version("shoal"), description=_ABOUT, lifespan=life, docs_url=None, redoc_url=None,
        redirect_slashes=False,
    )  # fmt: skip
    app.add_middleware(HttpLimits, body_bytes=settings.api.api_body_bytes)
    register_problems(app)
    register_any_text()
    for build in _ROUTERS:
        app.include_router(build())
    add_pages(app)
    app.openapi = lambda: _openapi(app)  # type: ignore[method-assign]
    return app


def _openapi(app: FastAPI) -> dict[str, Any]:
    """Return the OpenAPI document with the key as its security scheme."""
    if app.openapi_schema is None:
        document = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
        document["components"]["schemas"] |= problem_schemas()
        for name in ("HTTPValidationError", "ValidationError"):  # FastAPI's own, which nothing refers to
            document["components"]["schemas"].pop(name, None)
        document["components"].setdefault("securitySchemes", {})[SECURITY_SCHEME] = {
            "type": "http",
            "scheme": "bearer",
            "description": "an API key, `shoal_<id>_<secret>`",
        }
        app.openapi_schema = document
    return app.openapi_schema
