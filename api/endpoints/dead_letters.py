"""Dead letters: what was refused and why, and publishing it again. They hold whole events: for `admin` alone."""

from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field, model_validator
from starlette.concurrency import run_in_threadpool

from api.access.scopes import Scope
from api.serving.problem_details import problem_responses
from api.serving.scope_guard import Caller, InjectedServices, guarded_router, requires_scope
from consumers.dead_letters.replay import LetterSelection, replay
from queries.operations.dead_letter_json import dead_letter_json

__all__ = ["MAX_VALUE_CHARACTERS", "dead_letters_router"]

Topic = Literal["orders", "web-sessions", "customers", "exposures", "conversions", "identities"]
MAX_VALUE_CHARACTERS: Final = 4_000
"""Characters of a letter's original bytes that a list shows."""
_MAX_REPLAYED: Final = 5_000
"""Letters that one request publishes at most."""
LetterId = Annotated[str, Field(min_length=5, max_length=300, examples=["orders/5/120934"])]


class DeadLetterDocument(BaseModel):
    """An event that was refused."""

    id: str = Field(description="topic, partition and offset at which the event stood", examples=["orders/5/120934"])
    topic: str
    partition: int
    offset: int
    reason: str = Field(description="what is wrong, in words")
    dead_lettered_at: str
    key: str | None
    value: str | None = Field(
        description=f"the first {MAX_VALUE_CHARACTERS:,} characters; what is not UTF-8 is shown by escapes"
    )
    replayed_at: str | None = Field(description="when it was published again")


class DeadLetterPage(BaseModel):
    """Some dead letters, the newest first, and where the next page begins."""

    dead_letters: list[DeadLetterDocument]
    next_cursor: int | None = Field(description="`cursor` of the next page; null on the last")


class ReplayRequest(BaseModel):
    """Which letters: those with these ids, those of a topic, or all; not those that were replayed before."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"ids": ["orders/5/120934"]}, {"topic": "orders"}, {"all": True, "again": True}],
        },
    )

    ids: list[LetterId] = Field(default=[], max_length=1_000)
    topic: Topic | None = None
    all: bool = Field(False, description="every letter")
    again: bool = Field(False, description="also those that were replayed before")

    @model_validator(mode="after")
    def _has_selection(self) -> "ReplayRequest":
        if not (self.ids or self.topic or self.all):
            raise ValueError("name the letters by `ids`, or give `topic`, or `all`: true")
        return self


class ReplayResponse(BaseModel):
    """How many letters were published again, and how many not."""

    replayed: int = Field(description=f"published again, {_MAX_REPLAYED:,} at most in one request")
    replayed_before: int = Field(description="left out, because they had been replayed before")
    without_value: int = Field(description="had too many bytes to be kept: find them in their topic")
    left: int = Field(description="not published for want of room in this request: ask again")


def dead_letters_router() -> APIRouter:
    """Return the routes under /v1/dead-letters."""
    router = guarded_router("/v1", "dead letters")
    admin = requires_scope(Scope.ADMIN)
    router.get("/dead-letters", openapi_extra=admin, response_model=DeadLetterPage)(list_letters)
    router.post(
        "/dead-letters:replay",
        openapi_extra=admin,
        responses=problem_responses(400, 404, 413),
        response_model=ReplayResponse,
    )(replay_letters)
    return router


async def list_letters(
    services: InjectedServices,
    caller: Caller,
    topic: Annotated[Topic | None, Query(description="only events of this topic")] = None,
    limit: Annotated[int, Query(ge=1, le=200, description="letters on a page")] = 50,
    cursor: Annotated[int | None, Query(ge=0, lt=1 << 62, description="`next_cursor` of the page before")] = None,
) -> DeadLetterPage:
    """Return the events that were refused, the newest first, with the reason and where each stood."""
    found = await run_in_threadpool(services.letters.page, limit, cursor, topic)
    shown = [dead_letter_json(each, MAX_VALUE_CHARACTERS) for each in found.letters]
    await services.audit.record(caller, "dead-letters.list", detail=f"{len(shown)} letters")
    return DeadLetterPage.model_validate({"dead_letters": shown, "next_cursor": found.before})


async def replay_letters(services: InjectedServices, caller: Caller, body: ReplayRequest) -> ReplayResponse:
    """Publish refused events again, with their original bytes and keys."""
    selection = LetterSelection(frozenset(body.ids), body.topic, body.again)

    def publish() -> dict[str, Any]:
        return replay(services.letters, services.sink(), selection, _MAX_REPLAYED)._asdict()

    done = await run_in_threadpool(publish)
    await services.audit.record(caller, "dead-letters.replay", detail=f"{done['replayed']} letters")
    return ReplayResponse.model_validate(done)
