"""Erasures: request that a customer is erased everywhere, and read the status."""

import time
from typing import Annotated, Literal

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from api.access.scopes import Scope
from api.serving.problem_details import ProblemError, problem_responses
from api.serving.scope_guard import Caller, InjectedServices, guarded_router, requires_scope
from events.codec.instants import rfc3339
from events.schema.field_types import Identifier
from stream.erasure.erase_everywhere import ErasureProgress

__all__ = ["erasures_router"]

CustomerId = Annotated[
    Identifier, Path(description="customer_id of the events; a slash in it is sent as %2F", examples=["00001"])
]


class ErasureRequest(BaseModel):
    """The customer to erase."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"customer_id": "00001"}]})

    customer_id: Identifier


class ErasureDocument(BaseModel):
    """Status of an erasure. It cannot be undone or cancelled."""

    customer_id: str
    customer_ids: list[str] = Field(
        description="all ids of the person, which are erased together; once it is finished only the one asked for",
        examples=[["00001", "visitor-9f2c"]],
    )
    status: Literal["waiting for a worker", "finishing", "erased"] = Field(
        description="a worker erases the record; then exposures, deliveries, exclusions and dead letters follow"
    )
    requested_at: str | None = Field(description="null once it is finished: nothing is kept but a salted hash")


def erasures_router() -> APIRouter:
    """Return the routes under /v1/erasures."""
    router = guarded_router("/v1", "erasures")
    admin = requires_scope(Scope.ADMIN)
    router.post(
        "/erasures",
        openapi_extra=admin,
        status_code=202,
        responses=problem_responses(400, 413),
        response_model=ErasureDocument,
    )(request_erasure)
    router.get(
        "/erasures/{customer_id:any_text}",
        openapi_extra=admin,
        responses=problem_responses(404),
        response_model=ErasureDocument,
    )(read_erasure)
    return router


async def request_erasure(services: InjectedServices, caller: Caller, body: ErasureRequest) -> ErasureDocument:
    """Ask for a customer to be erased; it is done within seconds where a worker owns the customer's partition.

    Record, profile, segment, part in the model, exposures, deliveries, exclusions and dead letters go. A salted hash
    stays, so that replayed events do not bring the customer back. A person is erased under all ids: those that were
    merged into the customer, or the one that it was merged into.
    """
    now_ms = time.time_ns() // 1_000_000
    person = await run_in_threadpool(services.erasures.person, body.customer_id)
    await services.audit.record_each(caller, "customer.erase", person)
    person = await run_in_threadpool(services.erasures.request, body.customer_id, now_ms)
    found = await run_in_threadpool(services.erasures.status, body.customer_id)
    return _document(body.customer_id, person, found or ErasureProgress("waiting for a worker", now_ms))


async def read_erasure(services: InjectedServices, caller: Caller, customer_id: CustomerId) -> ErasureDocument:
    """Return the status of the erasure of a customer."""
    found = await run_in_threadpool(services.erasures.status, customer_id)
    await services.audit.record(caller, "erasure.read", customer_id)
    if found is None:
        raise ProblemError(404, f"nobody has asked for customer {customer_id!r} to be erased")
    person = await run_in_threadpool(services.erasures.person, customer_id)
    return _document(customer_id, person, found)


def _document(customer_id: str, person: list[str], found: ErasureProgress) -> ErasureDocument:
    since = None if found.since_ms is None else rfc3339(found.since_ms)
    return ErasureDocument(customer_id=customer_id, customer_ids=person, status=found.status, requested_at=since)
