"""Customers: one customer's segment, one in full, pages of them, and the segments of many at once."""

from dataclasses import asdict
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Path, Query, Response
from starlette.concurrency import run_in_threadpool

from api.access.scopes import Scope
from api.endpoints.response_models import (
    CustomerDocument,
    CustomerLookupRequest,
    CustomerLookupResponse,
    CustomerPage,
    Explanation,
    SegmentDocument,
    SegmentHistory,
    SegmentLookupRequest,
    SegmentLookupResponse,
)
from api.serving.problem_details import ProblemError, problem_responses
from api.serving.scope_guard import Caller, InjectedServices, guarded_router, requires_scope
from api.serving.segment_fast_path import unknown_customer_detail
from events.schema.field_types import Identifier
from queries.customers.customer_lookup import CURSOR, CustomerFilter
from queries.customers.segment_explanation import explain_segment

__all__ = ["customers_router"]

CustomerId = Annotated[
    Identifier, Path(description="customer_id of the events; a slash in it is sent as %2F", examples=["00001"])
]


def customers_router() -> APIRouter:
    """Return the routes under /v1/customers and the lookup of many segments."""
    router = guarded_router("/v1", "customers")
    segments, customers = (
        requires_scope(Scope.SEGMENTS_READ, Scope.CUSTOMERS_READ),
        requires_scope(Scope.CUSTOMERS_READ),
    )
    missing, body = problem_responses(404), problem_responses(400, 413)
    # A customer_id may hold slashes and line breaks, which arrive decoded: hence `any_text`, the longer address first.
    one = "/customers/{customer_id:any_text}"
    for path, read, extra, model in (
        (f"{one}/segment", read_segment, segments, SegmentDocument),
        (f"{one}/history", read_history, customers, SegmentHistory),
        (f"{one}/explanation", read_explanation, customers, Explanation),
    ):
        router.get(path, openapi_extra=extra, responses=missing, response_model=model)(read)
    router.post(
        "/customers:lookup",
        openapi_extra=customers,
        responses=body,
        response_model=CustomerLookupResponse,
        response_model_exclude_unset=True,
    )(look_up_customers)
    router.post(
        "/segments:lookup",
        openapi_extra=segments,
        responses=body,
        response_model=SegmentLookupResponse,
        response_model_exclude_unset=True,
    )(look_up_segments)
    router.get("/customers", openapi_extra=customers, response_model=CustomerPage)(list_customers)
    router.get(
        one,
        openapi_extra=segments,
        responses=missing,
        response_model=CustomerDocument,
        response_model_exclude_unset=True,
    )(read_customer)
    return router


async def read_segment(services: InjectedServices, caller: Caller, customer_id: CustomerId) -> Response:
    """Return a customer's current segment, or that of the customer it was merged into (`merged_into`).

    In the audit log, reads are counted by key and minute.
    """
    value = await services.reads.one(customer_id)
    if value is None:
        raise ProblemError(404, unknown_customer_detail(customer_id))
    await services.audit.count(caller, "segment.read")
    return Response(value, media_type="application/json")


async def look_up_segments(
    services: InjectedServices, caller: Caller, body: SegmentLookupRequest
) -> SegmentLookupResponse:
    """Return the current segments of up to 1,000 customers."""
    values = await services.reads.many(body.customer_ids)
    found = dict(zip(body.customer_ids, values, strict=True))
    await services.audit.count(caller, "segment.read", len(found))
    return SegmentLookupResponse(
        segments={each: SegmentDocument(**msgspec.json.decode(value)) for each, value in found.items() if value},
        unknown=[each for each, value in found.items() if value is None],
    )


async def look_up_customers(
    services: InjectedServices, caller: Caller, body: CustomerLookupRequest
) -> CustomerLookupResponse:
    """Return up to 100 customers in full."""
    ids = list(dict.fromkeys(body.customer_ids))
    found = await run_in_threadpool(services.customers.documents, ids)
    read = dict.fromkeys(document["customer_id"] for document in found.values())
    await services.audit.record_each(caller, "customer.read", list(read), "in full")
    return CustomerLookupResponse(
        customers={each: CustomerDocument(**document) for each, document in found.items()},
        unknown=[each for each in ids if each not in found],
    )


async def read_history(services: InjectedServices, caller: Caller, customer_id: CustomerId) -> SegmentHistory:
    """Return a customer's way through the segments, the latest move first, each with its cause and reason.

    Causes are read from the published changes, which takes up to half a second; without Kafka they are null.
    """
    found = await run_in_threadpool(services.customers.history, customer_id)
    await services.audit.record(caller, "customer.read", found.customer_id, "history")
    return SegmentHistory.model_validate(found._asdict())


async def read_explanation(services: InjectedServices, caller: Caller, customer_id: CustomerId) -> Explanation:
    """Return why a customer is in its segment: how near each segment is, and which features make the difference."""

    def explain() -> dict[str, Any]:
        head = services.customers.document(customer_id, personal=False)
        found = explain_segment(services.segmenter(), services.inspector.rows(customer_id), services.inspector.now_ms())
        told: dict[str, Any] = asdict(found) if found else {"segments": None, "reasons": None}
        return {**head, "nearest": told["segments"], "reasons": told["reasons"]}

    document = await run_in_threadpool(explain)
    await services.audit.record(caller, "customer.read", document["customer_id"], "explanation")
    return Explanation.model_validate(document)


async def list_customers(
    services: InjectedServices,
    caller: Caller,
    prefix: Annotated[str, Query(max_length=128, description="beginning of the customer_id")] = "",
    segment_id: Annotated[str, Query(max_length=16, description="only customers in this segment")] = "",
    limit: Annotated[int, Query(ge=1, le=500, description="customers on a page")] = 50,
    cursor: Annotated[str | None, Query(pattern=CURSOR, description="`next_cursor` of the page before")] = None,
) -> CustomerPage:
    """Return a page of customers. One that is updated meanwhile may be on two pages; none is left out."""
    wanted = CustomerFilter(prefix, segment_id)
    rows, next_cursor = await run_in_threadpool(services.customers.page, wanted, limit, cursor)
    await services.audit.record(caller, "customers.list", detail=f"{len(rows)} customers")
    return CustomerPage.model_validate({"customers": rows, "next_cursor": next_cursor})


async def read_customer(services: InjectedServices, caller: Caller, customer_id: CustomerId) -> CustomerDocument:
    """Return a customer; features, record and profile only to a key with the scope `customers:read`.

    Of a customer who was merged into another, that one is returned: `customer_id` says which.
    """
    personal = caller.may(Scope.CUSTOMERS_READ)
    document = await run_in_threadpool(services.customers.document, customer_id, personal=personal)
    detail = "in full" if personal else "segment only"
    await services.audit.record(caller, "customer.read", document["customer_id"], detail)
    return CustomerDocument(**document)
