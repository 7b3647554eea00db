"""The forms of the Operations page: replay dead letters, try and remove triggers, leave customers out."""

import time
from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response

from api.endpoints.dead_letters import SHOWN
from api.endpoints.suppressions import Members
from api.pages.operations import shown
from api.pages.page_access import Visit
from api.pages.rendering import page, part
from api.serving.problem_details import Refusal
from consumers.dead_letters.log import LetterPage
from consumers.dead_letters.replay import LetterSelection, ReplayCounts, replay
from events.topics.administration import KafkaUnreachable
from queries.operations.dead_letter_json import dead_letter_json
from stream.campaigns.settings import TriggerSettings
from stream.campaigns.trial_call import try_webhook

__all__ = [
    "dead_letters",
    "dead_letters_part",
    "let_in",
    "remove_trigger",
    "replay_letters",
    "suppress",
    "test_trigger",
]

_FEW, _MANY, _AT_ONCE = 5, 50, 5_000
_LONGEST: Final = 300


async def dead_letters_part(visit: Visit) -> Response:
    """Return the newest few dead letters, which the page asks for once it stands: Kafka takes a moment."""
    try:
        found = await _letters(visit, _FEW, None)
    except KafkaUnreachable as error:
        return part("parts/dead_letters.html", letters=[], problem=str(error), csrf=visit.session.csrf)
    return part("parts/dead_letters.html", letters=_told(found), problem=None, csrf=visit.session.csrf)


async def dead_letters(visit: Visit) -> Response:
    """Return a page of dead letters."""
    before = visit.request.query_params.get("before", "")
    after = int(before) if before.isascii() and before.isdigit() and len(before) < 19 else None
    found = await _letters(visit, _MANY, after)
    return page(
        visit, "dead_letters.html", letters=_told(found), problem=None, following=found.before, first=not before
    )


async def _letters(visit: Visit, most: int, before: int | None) -> LetterPage:
    found = await run_in_threadpool(visit.services.letters.page, most, before)
    await visit.services.audit.record(visit.who, "dead-letters.list", detail=f"{len(found.letters)} letters")
    return found


def _told(found: LetterPage) -> list[dict[str, object]]:
    return [dead_letter_json(each, SHOWN) for each in found.letters]


async def replay_letters(visit: Visit) -> Response:
    """Publish one letter again, or all that were not."""
    wanted = str(visit.form.get("id", ""))[:_LONGEST]
    if not wanted and visit.form.get("all") != "yes":
        raise Refusal(422, "the form names no dead letter")
    selection = LetterSelection(frozenset([wanted] if wanted else []))

    def publish() -> ReplayCounts:
        return replay(visit.services.letters, visit.services.sink(), selection, _AT_ONCE)

    done = await run_in_threadpool(publish)
    await visit.services.audit.record(visit.who, "dead-letters.replay", detail=f"{done.replayed} letters")
    what = "replayed" if done.replayed else "without-value" if done.without_value else "before"
    return RedirectResponse(f"/operations?done={what}&n={done.replayed}", 303)


async def test_trigger(visit: Visit) -> Response:
    """Call a webhook once and say what came of it."""
    name = visit.request.path_params["name"]
    trigger = await run_in_threadpool(visit.services.triggers.store.get, name)
    called = await try_webhook(trigger, TriggerSettings().trigger_timeout_s, time.time_ns())
    await visit.services.audit.record(visit.who, "trigger.test", detail=name)
    outcome = "was taken" if called.ok else f"was not taken: {called.detail}"
    return await shown(visit, f"The test call of {name} {outcome} ({called.duration_ms:,} ms).")


async def remove_trigger(visit: Visit) -> Response:
    """Remove a webhook with what it had still to be told."""
    name = visit.request.path_params["name"]
    await run_in_threadpool(visit.services.triggers.store.remove, name)
    await visit.services.audit.record(visit.who, "trigger.remove", detail=name)
    return RedirectResponse("/operations?done=removed", 303)


async def suppress(visit: Visit) -> Response:
    """Leave a customer out."""
    body = _members(visit)
    added = await run_in_threadpool(visit.services.suppressions.add, body.scope, body.customer_ids)
    await visit.services.audit.record_each(visit.who, "suppression.add", body.customer_ids, body.scope)
    return RedirectResponse(f"/operations?done=added&n={added}", 303)


async def let_in(visit: Visit) -> Response:
    """Let a customer in again."""
    body = _members(visit)
    removed = await run_in_threadpool(visit.services.suppressions.remove, body.scope, body.customer_ids)
    await visit.services.audit.record_each(visit.who, "suppression.remove", body.customer_ids, body.scope)
    return RedirectResponse(f"/operations?done=let-in&n={removed}", 303)


def _members(visit: Visit) -> Members:
    """Return what the form says, checked as the API checks it. Raises Refusal: 422."""
    scope, customer_id = str(visit.form.get("scope", "")).strip(), str(visit.form.get("customer_id", ""))
    try:
        return Members(scope=scope or "all", customer_ids=[customer_id])
    except ValueError:
        raise Refusal(
            422, f"{scope!r} is no scope, or {customer_id[:_LONGEST]!r} no customer id; a scope is all, "
            "campaign:<trigger> or segment:<segment_id>, as in campaign:winback or segment:s3"
        ) from None  # fmt: skip
