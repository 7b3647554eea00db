"""Experiments: define, end and read them, ask for a customer's variant, and plan."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError
from starlette.concurrency import run_in_threadpool

from api.access.scopes import Scope
from api.serving.problem_details import ProblemError, field_errors, invalid_detail, problem_responses
from api.serving.scope_guard import Caller, InjectedServices, guarded_router, requires_scope
from events.codec.instants import rfc3339
from events.schema.field_types import Identifier
from experiments import Experiment, NotComputable
from experiments.reporting.document import Report
from queries.experiments.summaries import ExperimentSummaries, SummarizedExperiment

__all__ = ["experiments_router"]

ExperimentId = Annotated[str, Path(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$", examples=["banner"])]
_EXAMPLE: dict[str, JsonValue] = {
    "id": "banner",
    "variants": [{"name": "A"}, {"name": "B", "weight": 2}],
    "control": "A",
}


class ExperimentDefinition(BaseModel):
    """What an experiment is: `id`, `variants` and `control`, and any other field of a stored experiment.

    The fields that are not given have their defaults; `start` is now.
    """

    model_config = ConfigDict(extra="allow", json_schema_extra={"examples": [_EXAMPLE]})

    id: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")
    variants: list[dict[str, Any]] = Field(min_length=2, max_length=20)
    control: str


class ExperimentSummary(BaseModel):
    """An experiment and its verdict."""

    experiment: str
    status: str
    variants: list[str]
    control: str
    primary_metric: str
    exposed: int
    decision: str
    sentence: str
    at: str = Field(description="when this was judged: of thousands, some are as of a moment ago")


class ExperimentList(BaseModel):
    """All experiments, by id."""

    experiments: list[ExperimentSummary]


class Assignment(BaseModel):
    """A customer's variant, or why there is none; the same whenever it is asked."""

    experiment: str
    status: str
    customer_id: str
    variant: str | None
    unassigned: str | None = Field(description="suppressed, holdout, not_targeted, or null")
    segment_id: str | None


class PowerRequest(BaseModel):
    """A rate, and the relative change of it that should be found."""

    model_config = ConfigDict(
        extra="forbid", allow_inf_nan=False, json_schema_extra={"examples": [{"rate": 0.05, "lift": 0.1}]}
    )

    rate: float = Field(gt=0.0, lt=1.0, description="share that converts without the change")
    lift: float = Field(ge=-1.0, le=100.0, description="relative change: 0.1 is 10 per cent more")
    alpha: float = Field(0.05, gt=0.0, lt=0.5)
    power: float = Field(0.8, gt=0.5, lt=1.0)


class PowerResponse(BaseModel):
    """Customers that each of two equal arms needs, at a single look at the end."""

    customers_per_arm: int | None
    cannot_say: str | None = Field(description="why there is no number")
    test: Literal["fixed"] = "fixed"


def experiments_router() -> APIRouter:
    """Return the routes under /v1/experiments."""
    router = guarded_router("/v1", "experiments")
    read, write = requires_scope(Scope.EXPERIMENTS_READ), requires_scope(Scope.EXPERIMENTS_WRITE)
    missing, body = problem_responses(404), problem_responses(400, 413)
    router.get("/experiments", openapi_extra=read, response_model=ExperimentList)(list_experiments)
    router.post(
        "/experiments",
        openapi_extra=write,
        status_code=201,
        responses={**body, **problem_responses(409)},
        response_model=Experiment,
    )(create_experiment)
    router.post("/experiments:power", openapi_extra=read, responses=body, response_model=PowerResponse)(plan)
    router.get("/experiments/{experiment_id}", openapi_extra=read, responses=missing, response_model=Experiment)(
        read_experiment
    )
    router.get("/experiments/{experiment_id}/report", openapi_extra=read, responses=missing, response_model=Report)(
        read_report
    )
    router.get(
        "/experiments/{experiment_id}/assignment", openapi_extra=read, responses=missing, response_model=Assignment
    )(read_assignment)
    router.post(
        "/experiments/{experiment_id}/stop",
        openapi_extra=write,
        responses=problem_responses(404, 409),
        response_model=Experiment,
    )(stop_experiment)
    return router


def experiment_summary(found: SummarizedExperiment) -> ExperimentSummary:
    """Return an experiment as lists show it."""
    experiment = found.experiment
    return ExperimentSummary(
        experiment=experiment.id,
        status=found.status,
        variants=[variant.name for variant in experiment.variants],
        control=experiment.control,
        primary_metric=experiment.primary_metric,
        exposed=found.exposed,
        decision=found.decision,
        sentence=found.sentence,
        at=rfc3339(found.at_ms),
    )


def experiment_of(fields: dict[str, Any]) -> Experiment:
    """Return the definition with these fields. Raises ProblemError: 422."""
    try:
        return Experiment.model_validate(fields)
    except ValidationError as error:
        found = error.errors(include_url=False)
        raise ProblemError(422, invalid_detail(field_errors(found), len(found))) from None


async def list_experiments(services: InjectedServices) -> ExperimentList:
    """Return all experiments with their verdicts."""
    found = await run_in_threadpool(ExperimentSummaries(services.experiments).all)
    return ExperimentList(experiments=[experiment_summary(each) for each in found])


async def create_experiment(services: InjectedServices, caller: Caller, body: ExperimentDefinition) -> Experiment:
    """Define an experiment; its exposures count from its start on."""

    def create() -> Experiment:
        experiment = experiment_of({"start": services.experiments.now(), **body.model_dump()})
        services.experiments.create(experiment)
        return experiment

    made = await run_in_threadpool(create)
    await services.audit.record(caller, "experiment.create", detail=made.id)
    return made


async def read_experiment(services: InjectedServices, experiment_id: ExperimentId) -> Experiment:
    """Return a definition."""
    return await run_in_threadpool(services.experiments.get, experiment_id)


async def read_report(services: InjectedServices, experiment_id: ExperimentId) -> Report:
    """Return everything that is known of an experiment, with a verdict (docs/experiments.md)."""

    def report() -> Report:
        found: Report = services.experiments.report(services.experiments.get(experiment_id)).report
        return found

    return await run_in_threadpool(report)


async def read_assignment(
    services: InjectedServices,
    caller: Caller,
    experiment_id: ExperimentId,
    customer_id: Annotated[Identifier, Query(examples=["00001"])],
) -> Assignment:
    """Return the variant of a customer: always the same one, or none with the reason."""

    def assignment() -> dict[str, Any]:
        experiment = services.experiments.get(experiment_id)
        (row,) = services.experiments.assignments(experiment, [customer_id])
        status = experiment.status(services.experiments.now())
        return {"experiment": experiment_id, "status": status, **row}

    found = await run_in_threadpool(assignment)
    if not caller.may_any((Scope.SEGMENTS_READ, Scope.CUSTOMERS_READ)):
        found["segment_id"] = None
    await services.audit.count(caller, "assignment.read")
    return Assignment(**found)


async def stop_experiment(services: InjectedServices, caller: Caller, experiment_id: ExperimentId) -> Experiment:
    """End an experiment: exposures no longer count, conversions still do within their window."""
    stopped = await run_in_threadpool(services.experiments.stop, experiment_id)
    await services.audit.record(caller, "experiment.stop", detail=experiment_id)
    return stopped


async def plan(body: PowerRequest) -> PowerResponse:
    """Return how many customers a change of a rate needs to be found."""
    from experiments.planning.sample_size_formulas import (
        sample_size_of_proportions,  # the statistics take a second to load
    )

    needed = await run_in_threadpool(sample_size_of_proportions, body.rate, body.lift, body.alpha, body.power)
    if isinstance(needed, NotComputable):
        return PowerResponse(customers_per_arm=None, cannot_say=needed.reason.value)
    return PowerResponse(customers_per_arm=needed, cannot_say=None)
