"""Baselines: look at them, decide on them, name their segments."""

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from api.access.scopes import Scope
from api.endpoints.response_models import BaselineDocument
from api.serving.etags import NOT_MODIFIED, etag_response
from api.serving.problem_details import ProblemError, problem_responses
from api.serving.scope_guard import Caller, InjectedServices, guarded_router, requires_scope
from batch.promotion.decisions import Decision, summary
from queries.segments.baseline_comparison import compare_baselines
from state.model.baselines import BaselineStore

__all__ = ["baselines_router"]

Number = Annotated[int, Path(ge=1, le=1_000_000_000, description="the baseline's number")]


class DecisionRequest(BaseModel):
    """A decision with its reason."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"why": "looks right"}]})

    why: str = Field("", max_length=500)


class RollbackRequest(DecisionRequest):
    """Which baseline to restore: the one before the live one, unless a number is given."""

    to: int | None = Field(None, ge=1, le=1_000_000_000)


class RenameRequest(BaseModel):
    """The new name of a segment."""

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


class BaselineList(BaseModel):
    """All baselines, the newest first."""

    baselines: list[BaselineSummary]


class ComparedBaseline(BaselineSummary):
    """A baseline in a few fields, and why it was chosen."""

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


class RemovedSegment(BaseModel):
    """A segment of the other baseline that this one does not have."""

    segment_id: str
    segment: str


class PreviewedMove(BaseModel):
    """Customers whom the baseline moves; `from` is null for those without a segment."""

    model_config = ConfigDict(populate_by_name=True)

    source: str | None = Field(alias="from")
    to: str
    customers: int


class BaselineComparison(BaseModel):
    """A baseline against another one; `against` is null for the RFM tiers, before the first baseline."""

    baseline: ComparedBaseline
    against: ComparedBaseline | None
    moved_share: float | None = Field(description="share of customers whom it moves; null where that was not previewed")
    segments: list[ComparedSegment]
    gone: list[RemovedSegment]
    moves: list[PreviewedMove] | None = Field(
        description="previewed when it was proposed, against the baseline that it follows; null against any other"
    )


def baselines_router() -> APIRouter:
    """Return the routes under /v1/baselines."""
    router = guarded_router("/v1", "baselines")
    read, decide = requires_scope(Scope.SEGMENTS_READ), requires_scope(Scope.BASELINES_APPROVE)
    found = {**NOT_MODIFIED, **problem_responses(404)}
    decided = problem_responses(400, 404, 409, 413)
    router.get("/baselines", openapi_extra=read, response_model=BaselineList)(list_baselines)
    router.get("/baselines/current", openapi_extra=read, responses=found, response_model=BaselineDocument)(read_live)
    router.get("/baselines/{number}", openapi_extra=read, responses=found, response_model=BaselineDocument)(read_one)
    router.get(
        "/baselines/{number}/comparison",
        openapi_extra=read,
        responses=problem_responses(404),
        response_model=BaselineComparison,
    )(compare)
    for path, view in (
        ("/baselines/{number}/approve", approve),
        ("/baselines/{number}/reject", reject),
        ("/baselines:rollback", roll_back),
        ("/baselines/{number}/segments/{segment_id}/rename", rename),
    ):
        router.post(path, openapi_extra=decide, responses=decided, response_model=BaselineDocument)(view)
    return router


async def list_baselines(services: InjectedServices) -> BaselineList:
    """Return all baselines, the newest first."""
    found = await run_in_threadpool(BaselineStore(services.store).all)
    return BaselineList(baselines=[BaselineSummary(**summary(each)) for each in reversed(found)])


async def read_live(services: InjectedServices, request: Request) -> Response:
    """Return the baseline that is live: its features, scale, centroids and segments."""
    baseline = await run_in_threadpool(BaselineStore(services.store).current)
    if baseline is None:
        raise ProblemError(404, "no baseline is live yet: customers are in RFM tiers until the first is fitted")
    return etag_response(request, baseline)


async def read_one(services: InjectedServices, request: Request, number: Number) -> Response:
    """Return a baseline: segments, where they come from, and who would move from where to where."""
    return etag_response(request, await run_in_threadpool(BaselineStore(services.store).get, number))


async def compare(
    services: InjectedServices,
    number: Number,
    against: Annotated[
        int | None,
        Query(ge=0, le=1_000_000_000, description="number of the other; 0: RFM tiers; default: what is live"),
    ] = None,
) -> BaselineComparison:
    """Return a baseline against another one: figures, what became of each segment, and who moves."""

    def read() -> dict[str, Any]:
        store = BaselineStore(services.store)
        found = store.get(number)
        other = store.current() if against is None else store.get(against) if against else None
        return compare_baselines(found, other)

    return BaselineComparison.model_validate(await run_in_threadpool(read))


async def approve(services: InjectedServices, caller: Caller, number: Number, body: DecisionRequest) -> Any:
    """Put a proposed baseline live: every worker swaps within seconds and moves its customers over."""
    decided = await run_in_threadpool(services.promotion().approve, number, decision(caller.name, body.why))
    await services.audit.record(caller, "baseline.approve", detail=str(number))
    return decided


async def reject(services: InjectedServices, caller: Caller, number: Number, body: DecisionRequest) -> Any:
    """Reject a proposed baseline; the live one stays."""
    decided = await run_in_threadpool(services.promotion().reject, number, decision(caller.name, body.why))
    await services.audit.record(caller, "baseline.reject", detail=str(number))
    return decided


async def roll_back(services: InjectedServices, caller: Caller, body: RollbackRequest) -> Any:
    """Bring the baseline before the live one back, under a new number, with its segments' ids and names."""
    decided = await run_in_threadpool(services.promotion().rollback, decision(caller.name, body.why), body.to)
    await services.audit.record(caller, "baseline.rollback", detail=str(decided.restores))
    return decided


async def rename(
    services: InjectedServices,
    caller: Caller,
    number: Number,
    segment_id: Annotated[str, Path(pattern=r"^s[0-9]{1,5}$", examples=["s3"])],
    body: RenameRequest,
) -> Any:
    """Rename a segment of a proposed or of the live baseline; its id stays, and later baselines keep the name."""
    act = services.promotion().rename
    decided = await run_in_threadpool(act, number, segment_id, body.name, decision(caller.name, ""))
    await services.audit.record(caller, "baseline.rename", detail=f"{number} {segment_id}")
    return decided


def decision(by: str, why: str) -> Decision:
    """Return a decision made now."""
    return Decision(by, datetime.now(UTC), why)
