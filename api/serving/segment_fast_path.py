"""The shortest way for the one question that is asked thousands of times a second: a customer's current segment.

The route of FastAPI (`api.endpoints.customers.read_segment`) says the same and is what OpenAPI describes; it takes
whatever is not plain here: no key, a wrong one, a key out of requests, a customer_id that is none, Redis away.
"""

import time
from typing import Final

from redis import RedisError
from starlette.datastructures import Headers
from starlette.types import Receive, Send
from starlette.types import Scope as Asked

from api.access.api_keys import bearer_token
from api.access.scopes import Scope
from api.serving.problem_details import problem
from api.serving.services import Services

__all__ = ["QuickSegment"]

_BEFORE: Final = "/v1/customers/"
_AFTER: Final = "/segment"
_ROUTE: Final = "/v1/customers/{customer_id:path}/segment"
_LONGEST: Final = 128
_SCOPES: Final = (Scope.SEGMENTS_READ, Scope.CUSTOMERS_READ)


class QuickSegment:
    """Answers `GET /v1/customers/{id}/segment` where it can, with `headers` (raw) beside those of the answer."""

    def __init__(self, headers: list[tuple[bytes, bytes]]) -> None:
        self._headers = [(b"content-type", b"application/json"), *headers, (b"cache-control", b"no-store")]

    async def answered(self, asked: Asked, receive: Receive, send: Send, send_more: Send) -> bool:
        """Return whether the request was answered; `send_more` adds what every answer has."""
        path: str = asked["path"]
        if asked["method"] != "GET" or not (path.startswith(_BEFORE) and path.endswith(_AFTER)):
            return False
        customer_id = path[len(_BEFORE) : -len(_AFTER)]
        if not 0 < len(customer_id) <= _LONGEST:
            return False
        began, services = time.perf_counter(), asked["app"].state.services
        try:
            value = await self._read(services, asked, customer_id)
        except RedisError:
            return False
        if value is None:
            return False
        if value:
            size = (b"content-length", str(len(value)).encode())
            await send({"type": "http.response.start", "status": 200, "headers": [*self._headers, size]})
            await send({"type": "http.response.body", "body": value})
        else:
            await problem(404, unknown(customer_id))(asked, receive, send_more)
        services.traffic.saw("GET", _ROUTE, 200 if value else 404, time.perf_counter() - began)
        return True

    async def _read(self, services: Services, asked: Asked, customer_id: str) -> bytes | None:
        """Return the segment, nothing (b"") where the customer has none, or None where the long way has to answer."""
        token = bearer_token(Headers(scope=asked).get("authorization", ""))
        who = await services.ring.opened_by(token) if token else None
        if who is None or not who.may_any(_SCOPES) or await services.rate.wait_s(who.key_id):
            return None
        value = await services.reads.one(customer_id)
        if value is not None:
            await services.audit.count(who, "segment.read")
        return value or b""


def unknown(customer_id: str) -> str:
    """Return what is said of a customer without a segment."""
    return f"customer {customer_id!r} has no segment: no event of this customer has been processed"
