"""Triggers: webhooks that segment changes call. Addresses and payloads are for `admin` alone."""

import time
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, JsonValue, ValidationError
from starlette.concurrency import run_in_threadpool

from api.access.scopes import Scope
from api.serving.problem_details import ProblemError, problem_responses
from api.serving.scope_guard import Caller, InjectedServices, guarded_router, requires_scope
from state.campaigns.deliveries import DeliveryOutcome
from state.campaigns.triggers import Trigger, TriggerRule
from stream.campaigns.settings import TriggerSettings
from stream.campaigns.trial_call import try_webhook
from stream.campaigns.webhook_request import new_secret

__all__ = ["triggers_router"]

TriggerName = Annotated[str, Path(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$", examples=["winback"])]
_EXAMPLE: dict[str, JsonValue] = {
    "trigger": "winback",
    "url": "https://crm.example/hooks/shoal",
    "entered": ["At-Risk Customers"],
    "needs_consent": True,
}


class NewTrigger(TriggerRule):
    """A webhook, and the changes that it is called for; the secret is made up unless it is given."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [_EXAMPLE]})

    secret: str | None = Field(None, repr=False, max_length=200, description="whsec_ and base64 of 24 to 64 bytes")


class CreatedTrigger(TriggerRule):
    """A trigger that was just made, with its secret, which is not shown again."""

    secret: str = Field(repr=False)
    created_at: AwareDatetime


class TriggerDocument(TriggerRule):
    """A trigger, and how many of its deliveries are pending or dead."""

    created_at: AwareDatetime
    waiting: int = Field(description="deliveries that are pending")
    dead: int = Field(description="deliveries that were given up")


class TriggerList(BaseModel):
    """All triggers, by name."""

    triggers: list[TriggerDocument]


class TriggerTestResult(BaseModel):
    """Result of a test call with a made-up change."""

    trigger: str
    ok: bool = Field(description="whether the receiver has taken it")
    status: int | None = Field(description="the receiver's status; null where it did not answer")
    detail: str
    duration_ms: int


class DeliveryAttempt(BaseModel):
    """One attempt of a delivery."""

    at: str
    trigger: str
    id: str = Field(description="id of the delivery, the same at every attempt")
    change_id: str
    customer_id: str
    outcome: DeliveryOutcome
    attempt: int
    status: int | None
    detail: str
    duration_ms: int


class DeliveryAttempts(BaseModel):
    """The latest attempts, the newest first."""

    attempts: list[DeliveryAttempt]


def triggers_router() -> APIRouter:
    """Return the routes under /v1/triggers."""
    router = guarded_router("/v1", "triggers")
    admin, missing = requires_scope(Scope.ADMIN), problem_responses(404)
    router.get("/triggers", openapi_extra=admin, response_model=TriggerList)(list_triggers)
    router.post(
        "/triggers",
        openapi_extra=admin,
        status_code=201,
        responses=problem_responses(400, 409, 413),
        response_model=CreatedTrigger,
    )(add_trigger)
    router.get("/triggers/{name}", openapi_extra=admin, responses=missing, response_model=TriggerDocument)(show_trigger)
    router.delete("/triggers/{name}", openapi_extra=admin, status_code=204, response_class=Response, responses=missing)(
        remove_trigger
    )
    router.post("/triggers/{name}/test", openapi_extra=admin, responses=missing, response_model=TriggerTestResult)(
        test_trigger
    )
    router.get("/triggers/{name}/attempts", openapi_extra=admin, responses=missing, response_model=DeliveryAttempts)(
        list_attempts
    )
    return router


async def list_triggers(services: InjectedServices) -> TriggerList:
    """Return all triggers, without their secrets."""
    return TriggerList.model_validate({"triggers": await run_in_threadpool(services.triggers.all)})


async def add_trigger(services: InjectedServices, caller: Caller, body: NewTrigger) -> CreatedTrigger:
    """Add a webhook for segment changes. Its secret is in this answer and nowhere else."""
    trigger = _new_trigger(body)
    await run_in_threadpool(services.triggers.store.add, trigger)
    await services.audit.record(caller, "trigger.add", detail=trigger.trigger)
    return CreatedTrigger.model_validate(trigger.model_dump())


def _new_trigger(body: NewTrigger) -> Trigger:
    given = body.model_dump() | {"secret": body.secret or new_secret(), "created_at": datetime.now(UTC)}
    try:
        return Trigger.model_validate(given)
    except ValidationError as error:  # the body's own fields have passed: it is the secret
        raise ProblemError(422, f"body.secret: {error.errors()[0]['msg']}") from None


async def show_trigger(services: InjectedServices, name: TriggerName) -> TriggerDocument:
    """Return a trigger, without its secret."""
    return TriggerDocument.model_validate(await run_in_threadpool(services.triggers.one, name))


async def remove_trigger(services: InjectedServices, caller: Caller, name: TriggerName) -> Response:
    """Remove a webhook; its pending deliveries are dropped."""
    await run_in_threadpool(services.triggers.store.remove, name)
    await services.audit.record(caller, "trigger.remove", detail=name)
    return Response(status_code=204)


async def test_trigger(services: InjectedServices, caller: Caller, name: TriggerName) -> TriggerTestResult:
    """Call a webhook once, now, with a made-up change marked `"test": true`."""
    trigger = await run_in_threadpool(services.triggers.store.get, name)
    called = await try_webhook(trigger, TriggerSettings(), time.time_ns())
    await services.audit.record(caller, "trigger.test", detail=name)
    shown: dict[str, Any] = {"status": called.status, "detail": called.detail, "duration_ms": called.duration_ms}
    return TriggerTestResult(trigger=name, ok=called.ok, **shown)


async def list_attempts(
    services: InjectedServices,
    caller: Caller,
    name: TriggerName,
    limit: Annotated[int, Query(ge=1, le=500, description="attempts at most")] = 50,
) -> DeliveryAttempts:
    """Return the attempts: delivered, failed, or suppressed with the reason."""

    def read() -> list[dict[str, Any]]:
        services.triggers.store.get_stored(name)
        return services.triggers.attempts(limit, name)

    found = await run_in_threadpool(read)
    await services.audit.record(caller, "trigger.attempts", detail=f"{name}, {len(found)} attempts")
    return DeliveryAttempts.model_validate({"attempts": found})
