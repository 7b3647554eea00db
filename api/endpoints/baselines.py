"""Baselines: look at them, decide on them, name their segments."""

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from api.access.scopes import Scope
from api.endpoints.response_models import BaselineDocument
from api.serving.etags import NOT_MODIFIED, tagged
from api.serving.problem_details import Refusal, problem_responses
from api.serving.scope_guard import InjectedServices, Who, guarded_router, needs
from batch.promotion.decisions import Decision, summary
from queries.segments.baseline_comparison import compare_baselines
from state.model.baselines import BaselineStore

__all__ = ["build_baselines"]

Number = Annotated[int, Path(ge=1, le=1_000_000_000, description="the baseline's number")]


class Why(BaseModel):
    """The reason, for those who look later."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"why": "looks right"}]})

    why: str = Field("", max_length=500)


class Back(Why):
    """What to bring back: the baseline before the live one, unless a number is given."""

    to: int | None = Field(None, ge=1, le=1_000_000_000)


class Name(BaseModel):
    """A segment's name."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"name": "Weekend Shoppers"}]})

    name: str = Field(min_length=1, max_length=60)


class BaselineSummary(BaseModel):
    """A baseline in a few fields."""

    baseline: int
    status: str
    k: int
    algorithm: str
    features: list[str]
    silhouette: float | None
    customers: int
    moved_share: float | None = Field(description="share of customers whom it moves, or moved, when it went live")
    created_at: str
    proposed_by: str
    decided_by: str
    decided_at: str | None
    decision: str
    follows: int
    restores: int | None


class Baselines(BaseModel):
    """All baselines, the newest first."""

    baselines: list[BaselineSummary]


class ComparedBaseline(BaselineSummary):
    """A baseline in a few fields, with what it was chosen by."""

    inertia: float = Field(description="sum of the squared distances to the centroids, in standardised units")
    reason: str = Field(description="why this k and this algorithm")


class ComparedSegment(BaseModel):
    """A segment of the baseline, and of the other one where that has it too."""

    segment_id: str
    segment: str
    kind: str | None = Field(description="kept, split, merged or born, as seen from the baseline that it follows")
    related: list[str] = Field(description="the earlier segments that it comes from")
    customers: int
    profile: dict[str, float]
    segment_before: str | None
    customers_before: int | None
    profile_before: dict[str, float] | None


class Gone(BaseModel):
    """A segment that the other baseline has, and this one has not."""

    segment_id: str
    segment: str


class PreviewedMove(BaseModel):
    """Customers whom the baseline moves; `from` is null for those without a segment."""

    model_config = ConfigDict(populate_by_name=True)

    source: str | None = Field(alias="from")
    to: str
    customers: int


class Comparison(BaseModel):
    """A baseline against another one; `against` is null for the RFM tiers, before the first baseline."""

    baseline: ComparedBaseline
    against: ComparedBaseline | None
    moved_share: float | None = Field(description="share of customers whom it moves; null where that was not previewed")
    segments: list[ComparedSegment]
    gone: list[Gone]
    moves: list[PreviewedMove] | None = Field(
        description="previewed when it was proposed, against the baseline that it follows; null against any other"
    )


def build_baselines() -> APIRouter:
    """Return the routes under /v1/baselines."""
    router = guarded_router("/v1", "baselines")
    read, decide = needs(Scope.SEGMENTS_READ), needs(Scope.BASELINES_APPROVE)
    found = {**NOT_MODIFIED, **problem_responses(404)}
    decided = problem_responses(400, 404, 409, 413)
    router.get("/baselines", openapi_extra=read, response_model=Baselines)(list_baselines)
    router.get("/baselines/current", openapi_extra=read, responses=found, response_model=BaselineDocument)(read_live)
    router.get("/baselines/{number}", openapi_extra=read, responses=found, response_model=BaselineDocument)(read_one)
    router.get(
        "/baselines/{number}/comparison",
        openapi_extra=read,
        responses=problem_responses(404),
        response_model=Comparison,
    )(compare)
    for path, view in (
        ("/baselines/{number}/approve", approve),
        ("/baselines/{number}/reject", reject),
        ("/baselines:rollback", roll_back),
        ("/baselines/{number}/segments/{segment_id}/rename", rename),
    ):
        router.post(path, openapi_extra=decide, responses=decided, response_model=BaselineDocument)(view)
    return router


async def list_baselines(services: InjectedServices) -> Baselines:
    """Return all baselines, the newest first."""
    found = await run_in_threadpool(BaselineStore(services.store).all)
    return Baselines(baselines=[BaselineSummary(**summary(each)) for each in reversed(found)])


async def read_live(services: InjectedServices, request: Request) -> Response:
    """Return the baseline that is live: its features, scale, centroids and segments."""
    baseline = await run_in_threadpool(BaselineStore(services.store).current)
    if baseline is None:
        raise Refusal(404, "no baseline is live yet: customers are in RFM tiers until the first is fitted")
    return tagged(request, baseline)


async def read_one(services: InjectedServices, request: Request, number: Number) -> Response:
    """Return a baseline: segments, where they come from, and who would move from where to where."""
    return tagged(request, await run_in_threadpool(BaselineStore(services.store).get, number))


async def compare(
    services: InjectedServices,
    number: Number,
    against: Annotated[
        int | None,
        Query(ge=0, le=1_000_000_000, description="number of the other; 0: RFM tiers; default: what is live"),
    ] = None,
) -> Comparison:
    """Return a baseline against another one: figures, what became of each segment, and who moves."""

    def read() -> dict[str, Any]:
        store = BaselineStore(services.store)
        found = store.get(number)
        other = store.current() if against is None else store.get(against) if against else None
        return compare_baselines(found, other)

    return Comparison.model_validate(await run_in_threadpool(read))


async def approve(services: InjectedServices, who: Who, number: Number, body: Why) -> Any:
    """Put a proposed baseline live: every worker swaps within seconds and moves its customers over."""
    decided = await run_in_threadpool(services.promotion().approve, number, decision(who.name, body.why))
    await services.audit.record(who, "baseline.approve", detail=str(number))
    return decided


async def reject(services: InjectedServices, who: Who, number: Number, body: Why) -> Any:
    """Turn a proposed baseline down; what is live stays."""
    decided = await run_in_threadpool(services.promotion().reject, number, decision(who.name, body.why))
    await services.audit.record(who, "baseline.reject", detail=str(number))
    return decided


async def roll_back(services: InjectedServices, who: Who, body: Back) -> Any:
    """Bring the baseline before the live one back, under a new number, with its segments' ids and names."""
    decided = await run_in_threadpool(services.promotion().rollback, decision(who.name, body.why), body.to)
    await services.audit.record(who, "baseline.rollback", detail=str(decided.restores))
    return decided


async def rename(
    services: InjectedServices,
    who: Who,
    number: Number,
    segment_id: Annotated[str, Path(pattern=r"^s[0-9]{1,5}$", examples=["s3"])],
    body: Name,
) -> Any:
    """Name a segment of a proposed or of the live baseline; its id stays, and later baselines keep the name."""
    act = services.promotion().rename
    decided = await run_in_threadpool(act, number, segment_id, body.name, decision(who.name, ""))
    await services.audit.record(who, "baseline.rename", detail=f"{number} {segment_id}")
    return decided


def decision(by: str, why: str) -> Decision:
    """Return a decision made now."""
    return Decision(by, datetime.now(UTC), why)
