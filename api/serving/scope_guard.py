"""Authentication and authorisation: nothing of a request is read before its key is valid and has the scope."""

import time
from collections.abc import Callable, Coroutine
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request, Response
from fastapi.routing import APIRoute

from api.access.api_keys import bearer_token
from api.access.scopes import Principal, Scope
from api.serving.body_limits import check_body
from api.serving.problem_details import ProblemError, error_status, problem_responses
from api.serving.services import Services

__all__ = ["SECURITY_SCHEME", "Caller", "GuardedRoute", "InjectedServices", "guarded_router", "requires_scope"]

SECURITY_SCHEME: Final = "key"
_SCOPES: Final = "x-scopes"

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


def requires_scope(*scopes: Scope) -> dict[str, Any]:
    """Return the `openapi_extra` of a route that a key with one of these scopes may use."""
    names = [scope.value for scope in scopes]
    return {"security": [{SECURITY_SCHEME: names}], _SCOPES: names}


def guarded_router(prefix: str = "", tag: str = "") -> APIRouter:
    """Return a router whose routes are guarded and document what any of them may answer."""
    return APIRouter(
        prefix=prefix,
        tags=[tag] if tag else [],
        route_class=GuardedRoute,
        responses=problem_responses(401, 403, 422, 429, 503),
    )


class GuardedRoute(APIRoute):
    """A route that names its scopes by `openapi_extra=requires_scope(…)`; one that names none cannot be made."""

    def get_route_handler(self) -> Handler:
        """Return the handler behind the guard."""
        scopes = tuple(Scope(name) for name in (self.openapi_extra or {}).get(_SCOPES, ()))
        if not scopes:
            raise RuntimeError(f"{self.path} names no scope; declare it with openapi_extra=requires_scope(…)")
        handler = super().get_route_handler()
        path = self.path.replace(":any_text}", ":path}")  # as dashboards know the route from its metrics

        async def guarded(request: Request) -> Response:
            services: Services = request.app.state.services
            began = time.perf_counter()
            try:
                request.state.caller = await _authorize(request, services, scopes)
                await check_body(request)
                response = await handler(request)
                status = response.status_code
            except Exception as error:
                status = error_status(error)
                raise
            finally:
                services.request_metrics.observe(request.method, path, status, time.perf_counter() - began)
            return response

        return guarded


async def _authorize(request: Request, services: Services, scopes: tuple[Scope, ...]) -> Principal:
    """Return the principal of the request's key. Raises ProblemError: 401, 429, 403."""
    token = bearer_token(request.headers.get("authorization", ""))
    caller = await services.key_cache.principal_of(token) if token else None
    if caller is None:
        detail = "the API key is not valid, was revoked or has expired" if token else None
        raise ProblemError(401, detail, {"WWW-Authenticate": "Bearer"})
    retry_after_s = await services.rate_limiter.retry_after_s(caller.key_id)
    if retry_after_s:
        limit = services.settings.api.api_rate
        raise ProblemError(429, f"the key may make {limit:,} requests a minute", {"Retry-After": str(retry_after_s)})
    if not caller.may_any(scopes):
        raise ProblemError(403, f"the key {caller.name!r} lacks the scope {' or '.join(scopes)}")
    return caller


async def _caller(request: Request) -> Principal:
    caller: Principal = request.state.caller
    return caller


async def _services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


Caller = Annotated[Principal, Depends(_caller)]
InjectedServices = Annotated[Services, Depends(_services)]
