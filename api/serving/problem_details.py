"""Every error as an RFC 9457 problem document: what happened, with which value, what to do."""

import logging
from collections.abc import Mapping, Sequence
from html import escape
from http import HTTPStatus
from string import Template
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field
from redis import RedisError
from starlette.exceptions import HTTPException

from batch.promotion.decisions import SegmentUnknown
from consumers.dead_letters.replay import LetterUnknown
from events.base_error import ShoalError
from queries.customers.customer_and_segment_json import CustomerUnknown
from queries.experiments.experiments import UnknownExperiment
from state.campaigns.triggers import TriggerUnknown
from state.model.baselines import BaselineUnknown
from state.store.redis_error_messages import RedisUnreachable, explained

__all__ = [
    "MEDIA_TYPE",
    "FieldError",
    "Problem",
    "ProblemError",
    "error_status",
    "field_errors",
    "invalid_detail",
    "problem",
    "problem_responses",
    "problem_schemas",
    "register_problems",
]

log = logging.getLogger(__name__)

MEDIA_TYPE: Final = "application/problem+json"

_MOST_ERRORS: Final = 20
_MOST_SIGNS: Final = 300
"""Characters of the name or the message of an invalid field."""

_PAGE: Final = Template("""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title – Shoal</title><link rel="stylesheet" href="/static/app.css"></head>
<body class="alone"><main class="card"><h1>$title</h1><p>$detail</p>
<p><a href="/">To the dashboard</a></p></main></body>
</html>
""")

_DEFAULT_DETAILS: Final = {
    400: "The body cannot be read: it should be JSON in UTF-8.",
    401: "An API key is needed: send `Authorization: Bearer <key>`. `shoal keys create` makes one.",
    403: "The key does not have the scope that this needs.",
    404: "Nothing is there.",
    405: "This address does not take that method.",
    409: "What is there does not allow it.",
    413: "The body is larger than the API takes.",
    422: "The request is not valid.",
    429: "The key has used up its requests of this minute.",
    500: "The service failed; its log says why.",
    503: "A service that this needs does not answer; try again.",
}


_NOT_FOUND: Final = (
    BaselineUnknown, CustomerUnknown, LetterUnknown, SegmentUnknown, TriggerUnknown, UnknownExperiment,
)  # fmt: skip
"""Errors that are answered with 404."""


class FieldError(BaseModel):
    """An invalid field of a request."""

    field: str = Field(description="where, as query.limit or body.customer_ids.0", examples=["query.limit"])
    message: str = Field(examples=["Input should be less than or equal to 500"])


class Problem(BaseModel):
    """An error (RFC 9457)."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"type": "about:blank", "title": "Not Found", "status": 404, "detail": _DEFAULT_DETAILS[404]}]
        }
    )

    type: str = "about:blank"
    title: str = Field(description="the name of the status")
    status: int = Field(ge=400, le=599)
    detail: str = Field(description="what happened, and what to do")
    errors: list[FieldError] | None = Field(
        None, description="of an invalid request: its first invalid fields, up to 20"
    )
    errors_not_shown: int | None = Field(None, description="of an invalid request: how many more there are")


class ProblemError(ShoalError):
    """An error that is answered with a problem document of this status."""

    def __init__(self, status: int, detail: str | None = None, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail or _DEFAULT_DETAILS[status])
        self.status, self.headers = status, dict(headers or {})


def error_status(error: Exception) -> int:
    """Return the HTTP status that answers an error."""
    if isinstance(error, ProblemError):
        return error.status
    if isinstance(error, HTTPException):
        return error.status_code
    if isinstance(error, ShoalError):
        return 503 if error.retriable else 404 if isinstance(error, _NOT_FOUND) else 409
    return 422 if isinstance(error, RequestValidationError) else 503 if isinstance(error, RedisError) else 500


def problem(
    status: int,
    detail: str,
    headers: Mapping[str, str] | None = None,
    errors: Sequence[FieldError] = (),
    errors_not_shown: int = 0,
) -> JSONResponse:
    """Return the answer to a request that failed."""
    document = Problem(
        title=HTTPStatus(status).phrase,
        status=status,
        detail=detail,
        errors=list(errors) or None,
        errors_not_shown=errors_not_shown or None,
    )
    content = document.model_dump(exclude_none=True)
    return JSONResponse(content, status, {"Cache-Control": "no-store", **(headers or {})}, MEDIA_TYPE)


def problem_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return what OpenAPI says of these statuses."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {status: {"description": _DEFAULT_DETAILS[status], "content": content} for status in statuses}


def problem_schemas() -> dict[str, Any]:
    """Return the schemas that `problem_responses` refers to, by name."""
    schema = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    return {**schema.pop("$defs"), "Problem": schema}


def register_problems(app: FastAPI) -> None:
    """Make the application answer every error with a problem."""
    handlers: list[tuple[Any, Any]] = [
        (ProblemError, _on_problem_error),
        (ShoalError, _on_shoal_error),
        (HTTPException, _on_http_exception),
        (RequestValidationError, _on_validation_error),
        (RedisError, _on_redis_error),
        (Exception, _on_unexpected_error),
    ]
    for kind, handler in handlers:
        app.add_exception_handler(kind, handler)


def _error_response(request: Request, status: int, detail: str, headers: Mapping[str, str] | None = None) -> Response:
    """Return a page to a browser that asks for one, and a problem document to everybody else."""
    if request.url.path.startswith("/v1/") or "text/html" not in request.headers.get("accept", ""):
        return problem(status, detail, headers)
    title, heads = HTTPStatus(status).phrase, {"Cache-Control": "no-store", **(headers or {})}
    return HTMLResponse(_PAGE.substitute(title=escape(title), detail=escape(detail)), status, heads)


async def _on_problem_error(request: Request, error: ProblemError) -> Response:
    return _error_response(request, error.status, str(error), error.headers)


async def _on_shoal_error(request: Request, error: ShoalError) -> Response:
    return _error_response(request, error_status(error), str(error), {"Retry-After": "5"} if error.retriable else None)


async def _on_http_exception(request: Request, error: HTTPException) -> Response:
    standard = HTTPStatus(error.status_code).phrase
    ours = error.detail == standard or error.status_code == 400  # FastAPI does not say what is wrong with a body
    detail = _DEFAULT_DETAILS.get(error.status_code, standard) if ours else error.detail
    return _error_response(request, error.status_code, detail, error.headers)


async def _on_validation_error(_: Request, error: RequestValidationError) -> Response:
    found = error.errors()
    errors = field_errors(found)
    return problem(422, invalid_detail(errors, len(found)), errors=errors, errors_not_shown=len(found) - len(errors))


def field_errors(found: Sequence[Any]) -> list[FieldError]:
    """Return the first of pydantic's errors, with field and message of a bounded length."""
    return [
        FieldError(field=_bounded(".".join(map(str, each["loc"])) or "body"), message=_bounded(each["msg"]))
        for each in found[:_MOST_ERRORS]
    ]


def invalid_detail(errors: Sequence[FieldError], count: int) -> str:
    """Return the errors in one sentence, and how many more there are."""
    more = [f"and {count - len(errors):,} more"] if count > len(errors) else []
    return "; ".join([*(f"{each.field}: {each.message}" for each in errors), *more])


def _bounded(text: str) -> str:
    return text if len(text) <= _MOST_SIGNS else text[: _MOST_SIGNS - 1] + "…"


async def _on_redis_error(request: Request, error: RedisError) -> Response:
    said = explained(None, error)
    log.error("%s", said)
    detail = "Redis does not answer; try again." if isinstance(said, RedisUnreachable) else f"{said}."
    return _error_response(request, 503, detail, {"Retry-After": "5"})


async def _on_unexpected_error(request: Request, error: Exception) -> Response:
    return _error_response(request, 500, _DEFAULT_DETAILS[500])
