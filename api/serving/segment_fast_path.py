"""Fast path for the most frequent request, a customer's current segment, without FastAPI.

The route of FastAPI (`api.endpoints.customers.read_segment`) gives the same answer and is what OpenAPI describes; it
handles every error: a missing or invalid key, an exceeded rate limit, an invalid customer_id, Redis down.
"""

import time
from typing import Final

from redis import RedisError
from starlette.datastructures import Headers
from starlette.types import Receive, Send
from starlette.types import Scope as ASGIScope

from api.access.api_keys import bearer_token
from api.access.scopes import Scope
from api.serving.problem_details import problem
from api.serving.services import Services

__all__ = ["SegmentFastPath"]

_PATH_PREFIX: Final = "/v1/customers/"
_PATH_SUFFIX: Final = "/segment"
_ROUTE: Final = "/v1/customers/{customer_id:path}/segment"
_MAX_ID_LENGTH: Final = 128
_SCOPES: Final = (Scope.SEGMENTS_READ, Scope.CUSTOMERS_READ)


class SegmentFastPath:
    """Answers `GET /v1/customers/{id}/segment` where it can, with `headers` (raw) beside those of the answer."""

    def __init__(self, headers: list[tuple[bytes, bytes]]) -> None:
        self._headers = [(b"content-type", b"application/json"), *headers, (b"cache-control", b"no-store")]

    async def try_answer(self, scope: ASGIScope, receive: Receive, send: Send, send_with_headers: Send) -> bool:
        """Return whether the request was answered; `send_with_headers` adds what every answer has."""
        path: str = scope["path"]
        if scope["method"] != "GET" or not (path.startswith(_PATH_PREFIX) and path.endswith(_PATH_SUFFIX)):
            return False
        customer_id = path[len(_PATH_PREFIX) : -len(_PATH_SUFFIX)]
        if not 0 < len(customer_id) <= _MAX_ID_LENGTH:
            return False
        began, services = time.perf_counter(), scope["app"].state.services
        try:
            value = await self._read(services, scope, customer_id)
        except RedisError:
            return False
        if value is None:
            return False
        if value:
            size = (b"content-length", str(len(value)).encode())
            await send({"type": "http.response.start", "status": 200, "headers": [*self._headers, size]})
            await send({"type": "http.response.body", "body": value})
        else:
            await problem(404, unknown_customer_detail(customer_id))(scope, receive, send_with_headers)
        services.request_metrics.observe("GET", _ROUTE, 200 if value else 404, time.perf_counter() - began)
        return True

    async def _read(self, services: Services, scope: ASGIScope, customer_id: str) -> bytes | None:
        """Return the segment, nothing (b"") where the customer has none, or None where FastAPI has to answer."""
        token = bearer_token(Headers(scope=scope).get("authorization", ""))
        caller = await services.key_cache.principal_of(token) if token else None
        if caller is None or not caller.may_any(_SCOPES) or await services.rate_limiter.retry_after_s(caller.key_id):
            return None
        value = await services.reads.one(customer_id)
        if value is not None:
            await services.audit.count(caller, "segment.read")
        return value or b""


def unknown_customer_detail(customer_id: str) -> str:
    """Return the detail of the 404 for a customer without a segment."""
    return f"customer {customer_id!r} has no segment: no event of this customer has been processed"
