"""Every route under a key: nothing of a request is read before the key is known, valid, and has the scope."""

import time
from collections.abc import Callable, Coroutine
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request, Response
from fastapi.routing import APIRoute

from api.access.api_keys import bearer_token
from api.access.scopes import Principal, Scope
from api.serving.problem_details import Refusal, error_status, problem_responses
from api.serving.services import Services

__all__ = ["SECURITY_SCHEME", "GuardedRoute", "InjectedServices", "Who", "guarded_router", "needs"]

SECURITY_SCHEME: Final = "key"
_SCOPES: Final = "x-scopes"

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


def needs(*scopes: Scope) -> dict[str, Any]:
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
    """A route that names its scopes by `openapi_extra=needs(…)`; one that names none cannot be made."""

    def get_route_handler(self) -> Handler:
        """Return the handler behind the guard."""
        scopes = tuple(Scope(name) for name in (self.openapi_extra or {}).get(_SCOPES, ()))
        if not scopes:
            raise RuntimeError(f"{self.path} names no scope; declare it with openapi_extra=needs(…)")
        handler, path = super().get_route_handler(), self.path

        async def guarded(request: Request) -> Response:
            services: Services = request.app.state.services
            began = time.perf_counter()
            try:
                request.state.who = await _admitted(request, services, scopes)
                response = await handler(request)
                status = response.status_code
            except Exception as error:
                status = error_status(error)
                raise
            finally:
                services.traffic.saw(request.method, path, status, time.perf_counter() - began)
            return response

        return guarded


async def _admitted(request: Request, services: Services, scopes: tuple[Scope, ...]) -> Principal:
    """Return who asks. Raises Refusal: 401, 429, 403."""
    token = bearer_token(request.headers.get("authorization", ""))
    who = await services.ring.opened_by(token) if token else None
    if who is None:
        detail = "the API key is not valid, was revoked or has expired" if token else None
        raise Refusal(401, detail, {"WWW-Authenticate": "Bearer"})
    wait_s = await services.rate.wait_s(who.key_id)
    if wait_s:
        limit = services.settings.api.api_rate
        raise Refusal(429, f"the key may make {limit:,} requests a minute", {"Retry-After": str(wait_s)})
    if not who.may_any(scopes):
        raise Refusal(403, f"the key {who.name!r} lacks the scope {' or '.join(scopes)}")
    return who


async def _who(request: Request) -> Principal:
    who: Principal = request.state.who
    return who


async def _services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


Who = Annotated[Principal, Depends(_who)]
InjectedServices = Annotated[Services, Depends(_services)]
