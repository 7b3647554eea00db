"""Responses with an ETag, answered with 304 where the client has the same content."""

import hashlib
from typing import Any, Final

from fastapi import Request, Response
from pydantic import BaseModel

__all__ = ["NOT_MODIFIED", "etag_response"]

NOT_MODIFIED: Final[dict[int | str, dict[str, Any]]] = {
    304: {"description": "The client has this already (If-None-Match)."}
}
"""What OpenAPI says of an answer with an ETag."""


def etag_response(request: Request, document: BaseModel, max_age_s: int = 0) -> Response:
    """Return a document with its ETag, or 304 where the client has it."""
    body = document.model_dump_json().encode()
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = {"ETag": tag, "Cache-Control": f"private, max-age={max_age_s}", "Vary": "Authorization"}
    wanted = [each.strip().removeprefix("W/") for each in request.headers.get("if-none-match", "").split(",")]
    if tag in wanted or "*" in wanted:
        return Response(status_code=304, headers=headers)
    return Response(body, headers=headers, media_type="application/json")
