"""Suppressions: customers excluded from everything, from one campaign, or from the triggers of one segment."""

from typing import Annotated, Final

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from api.access.scopes import Scope
from api.serving.problem_details import problem_responses
from api.serving.scope_guard import Caller, InjectedServices, guarded_router, requires_scope
from events.schema.field_types import Identifier

__all__ = ["suppressions_router"]

_CURSOR: Final = r"^[0-9]{1,20}\.[0-9]{1,6}$"
_SCOPE: Final = r"^(all|campaign:[a-z0-9][a-z0-9-]{0,63}|segment:s[0-9]{1,5})$"
ScopeName = Annotated[
    str,
    Path(pattern=r"^(all|(campaign|segment):.{1,128})$", description="all, campaign:<name>, or segment:<id>",
         examples=["campaign:winback"]),
]  # fmt: skip


class SuppressionScope(BaseModel):
    """A scope and how many customers it suppresses."""

    scope: str
    customers: int


class SuppressionScopes(BaseModel):
    """Every scope that has customers, by name."""

    scopes: list[SuppressionScope]


class SuppressedCustomerPage(BaseModel):
    """Some customers of a scope, in no particular order, and where the next page begins."""

    scope: str
    customers: list[str]
    next_cursor: str | None = Field(description="`cursor` of the next page; null on the last")


class SuppressionRequest(BaseModel):
    """Customers, and the scope that they are suppressed in: `all`, `campaign:<trigger>` or `segment:<segment_id>`."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"scope": "campaign:winback", "customer_ids": ["00001"]}]}
    )

    scope: str = Field("all", pattern=_SCOPE)
    customer_ids: Annotated[list[Identifier], Field(min_length=1, max_length=1_000)]


class SuppressionsAdded(BaseModel):
    """How many of the customers were not suppressed before."""

    scope: str
    customers: int
    added: int


class SuppressionsRemoved(BaseModel):
    """How many of the customers were suppressed."""

    scope: str
    customers: int
    removed: int


def suppressions_router() -> APIRouter:
    """Return the routes under /v1/suppressions."""
    router = guarded_router("/v1", "suppressions")
    read, write, body = requires_scope(Scope.CUSTOMERS_READ), requires_scope(Scope.ADMIN), problem_responses(400, 413)
    router.get("/suppressions", openapi_extra=read, response_model=SuppressionScopes)(list_scopes)
    router.post("/suppressions:add", openapi_extra=write, responses=body, response_model=SuppressionsAdded)(
        add_customers
    )
    router.post("/suppressions:remove", openapi_extra=write, responses=body, response_model=SuppressionsRemoved)(
        remove_customers
    )
    router.get(
        "/suppressions/{scope:path}",
        openapi_extra=read,
        responses=problem_responses(404),  # a path with a line break in it is none of ours
        response_model=SuppressedCustomerPage,
    )(list_customers)
    return router


async def list_scopes(
    services: InjectedServices,
    caller: Caller,
    customer_id: Annotated[
        Identifier | None, Query(description="only scopes that hold this customer, under any id of the person")
    ] = None,
) -> SuppressionScopes:
    """Return the scopes with their numbers of customers."""
    sizes = await run_in_threadpool(services.suppressions.scopes)
    if customer_id is not None:
        person = await run_in_threadpool(services.people.one, customer_id)
        mine = await run_in_threadpool(services.suppressions.scopes_of, *person.all)
        sizes = {scope: sizes.get(scope, 1) for scope in mine}
        await services.audit.record(caller, "suppressions.read", customer_id)
    return SuppressionScopes(scopes=[SuppressionScope(scope=scope, customers=count) for scope, count in sizes.items()])


async def list_customers(
    services: InjectedServices,
    caller: Caller,
    scope: ScopeName,
    limit: Annotated[int, Query(ge=1, le=1_000, description="customers on a page")] = 100,
    cursor: Annotated[str | None, Query(pattern=_CURSOR, description="`next_cursor` of the page before")] = None,
) -> SuppressedCustomerPage:
    """Return a page of a scope's customers. One may be on two pages where the scope changes meanwhile."""
    found, following = await run_in_threadpool(services.suppressions.page, scope, limit, cursor)
    await services.audit.record(caller, "suppressions.list", detail=f"{scope}, {len(found)} customers")
    return SuppressedCustomerPage(scope=scope, customers=found, next_cursor=following)


async def add_customers(services: InjectedServices, caller: Caller, body: SuppressionRequest) -> SuppressionsAdded:
    """Suppress customers: in everything, or in one campaign or segment."""
    ids = list(dict.fromkeys(body.customer_ids))
    added = await run_in_threadpool(services.suppressions.add, body.scope, ids)
    await services.audit.record_each(caller, "suppression.add", ids, body.scope)
    return SuppressionsAdded(scope=body.scope, customers=len(ids), added=added)


async def remove_customers(services: InjectedServices, caller: Caller, body: SuppressionRequest) -> SuppressionsRemoved:
    """End the suppression of customers, under all ids of each person."""
    ids = list(dict.fromkeys(body.customer_ids))
    removed = await run_in_threadpool(services.end_suppressions, body.scope, ids)
    await services.audit.record_each(caller, "suppression.remove", ids, body.scope)
    return SuppressionsRemoved(scope=body.scope, customers=len(ids), removed=removed)
