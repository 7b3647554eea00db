"""Personal data: everything that is held about one person, to be given to that person."""

import time
from typing import Annotated, Any

from fastapi import APIRouter, Path
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from api.access.scopes import Scope
from api.serving.problem_details import problem_responses
from api.serving.scope_guard import Caller, InjectedServices, guarded_router, requires_scope
from events.schema.field_types import Identifier
from queries.subject_access.personal_data import PersonalData

__all__ = ["personal_data_router"]

CustomerId = Annotated[
    Identifier, Path(description="customer_id of the events; a slash in it is sent as %2F", examples=["00001"])
]
_Items = list[dict[str, Any]]


class PersonalDataDocument(BaseModel):
    """Everything that Redis and Shoal's own topics hold of a person, under all ids. docs/privacy.md explains each."""

    customer_id: str
    requested_id: str
    ids: list[str] = Field(description="all ids of the person, first the one that events are counted under")
    as_of: str
    customer: dict[str, Any] | None = Field(description="as in /v1/customers/{customer_id}, in full")
    sessions: _Items
    hashes_of_events: _Items = Field(description="how many hashes the record keeps to recognise repeats, and its size")
    profiles: _Items = Field(description="each field as it was told last, with its time")
    current_segments: _Items
    unsent_changes: _Items
    segment_changes: _Items = Field(description="all published moves that the topic still has")
    merges: _Items
    handovers: _Items
    erasure: _Items
    suppressions: _Items
    contacts: _Items
    deliveries: _Items = Field(description="webhooks that wait, and those that failed for good")
    attempts: _Items
    purchases: _Items
    enrolments: _Items
    exposures: _Items = Field(description="first exposures, and what the person adds to the tallies")
    dead_letters: _Items
    redis_keys: dict[str, str] = Field(description="keys in Redis that hold something of the person, by section")


def personal_data_router() -> APIRouter:
    """Return the route that exports a person."""
    router = guarded_router("/v1", "customers")
    router.get(
        "/personal-data/{customer_id:any_text}",
        openapi_extra=requires_scope(Scope.ADMIN),
        responses=problem_responses(404),
        response_model=PersonalDataDocument,
    )(read_personal_data)
    return router


async def read_personal_data(
    services: InjectedServices, caller: Caller, customer_id: CustomerId
) -> PersonalDataDocument:
    """Return everything that is held about a person, under all ids.

    The topics `segment-changes` and `dead-letters` are read from their beginning, which may take a minute. Events
    on the input topics are not in it: `shoal export customer ID --events` reads these too.
    """

    def read() -> dict[str, Any]:
        data = PersonalData(services.store, services.customers, services.settings.kafka)
        return data.document(customer_id, time.time_ns() // 1_000_000)

    document = await run_in_threadpool(read)
    await services.audit.record(caller, "customer.export", document["customer_id"], "everything held")
    return PersonalDataDocument.model_validate(document)
