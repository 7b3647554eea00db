"""The forms of the Operations page: replay dead letters, test and remove triggers, suppress customers."""

import time
from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response

from api.endpoints.dead_letters import MAX_VALUE_CHARACTERS
from api.endpoints.suppressions import SuppressionRequest
from api.pages.operations import operations_page
from api.pages.page_access import Visit
from api.pages.rendering import page, part
from api.serving.problem_details import ProblemError
from consumers.dead_letters.replay import LetterSelection, ReplayCounts, replay
from consumers.dead_letters.stored_letters import LetterPage
from events.topics.administration import KafkaUnreachable
from queries.operations.dead_letter_json import dead_letter_json
from stream.campaigns.settings import TriggerSettings
from stream.campaigns.trial_call import try_webhook

__all__ = [
    "dead_letters",
    "dead_letters_part",
    "remove_trigger",
    "replay_letters",
    "suppress",
    "test_trigger",
    "unsuppress",
]

_PART_LETTERS, _PAGE_LETTERS, _MAX_REPLAYED = 5, 50, 5_000
_MAX_LENGTH: Final = 300


async def dead_letters_part(visit: Visit) -> Response:
    """Return the newest few dead letters, which the page asks for once it stands: Kafka takes a moment."""
    try:
        found = await _dead_letters(visit, _PART_LETTERS, None)
    except KafkaUnreachable as error:
        return part("parts/dead_letters.html", letters=[], problem=str(error), csrf=visit.session.csrf)
    return part("parts/dead_letters.html", letters=_letter_texts(found), problem=None, csrf=visit.session.csrf)


async def dead_letters(visit: Visit) -> Response:
    """Return a page of dead letters."""
    before = visit.request.query_params.get("before", "")
    after = int(before) if before.isascii() and before.isdigit() and len(before) < 19 else None
    found = await _dead_letters(visit, _PAGE_LETTERS, after)
    return page(
        visit, "dead_letters.html", letters=_letter_texts(found), problem=None, following=found.before, first=not before
    )


async def _dead_letters(visit: Visit, most: int, before: int | None) -> LetterPage:
    found = await run_in_threadpool(visit.services.letters.page, most, before)
    await visit.services.audit.record(visit.caller, "dead-letters.list", detail=f"{len(found.letters)} letters")
    return found


def _letter_texts(found: LetterPage) -> list[dict[str, object]]:
    return [dead_letter_json(each, MAX_VALUE_CHARACTERS) for each in found.letters]


async def replay_letters(visit: Visit) -> Response:
    """Publish one letter again, or all that were not."""
    wanted = str(visit.form.get("id", ""))[:_MAX_LENGTH]
    if not wanted and visit.form.get("all") != "yes":
        raise ProblemError(422, "the form names no dead letter")
    selection = LetterSelection(frozenset([wanted] if wanted else []))

    def publish() -> ReplayCounts:
        return replay(visit.services.letters, visit.services.sink(), selection, _MAX_REPLAYED)

    done = await run_in_threadpool(publish)
    await visit.services.audit.record(visit.caller, "dead-letters.replay", detail=f"{done.replayed} letters")
    what = "replayed" if done.replayed else "without-value" if done.without_value else "before"
    return RedirectResponse(f"/operations?done={what}&n={done.replayed}", 303)


async def test_trigger(visit: Visit) -> Response:
    """Call a webhook once and show the result."""
    name = visit.request.path_params["name"]
    trigger = await run_in_threadpool(visit.services.triggers.store.get, name)
    called = await try_webhook(trigger, TriggerSettings(), time.time_ns())
    await visit.services.audit.record(visit.caller, "trigger.test", detail=name)
    outcome = "was taken" if called.ok else f"was not taken: {called.detail}"
    return await operations_page(visit, f"The test call of {name} {outcome} ({called.duration_ms:,} ms).")


async def remove_trigger(visit: Visit) -> Response:
    """Remove a webhook with its pending deliveries."""
    name = visit.request.path_params["name"]
    await run_in_threadpool(visit.services.triggers.store.remove, name)
    await visit.services.audit.record(visit.caller, "trigger.remove", detail=name)
    return RedirectResponse("/operations?done=removed", 303)


async def suppress(visit: Visit) -> Response:
    """Suppress a customer."""
    body = _suppression_request(visit)
    added = await run_in_threadpool(visit.services.suppressions.add, body.scope, body.customer_ids)
    await visit.services.audit.record_each(visit.caller, "suppression.add", body.customer_ids, body.scope)
    return RedirectResponse(f"/operations?done=added&n={added}", 303)


async def unsuppress(visit: Visit) -> Response:
    """End the suppression of a customer."""
    body = _suppression_request(visit)
    removed = await run_in_threadpool(visit.services.end_suppressions, body.scope, body.customer_ids)
    await visit.services.audit.record_each(visit.caller, "suppression.remove", body.customer_ids, body.scope)
    return RedirectResponse(f"/operations?done=let-in&n={removed}", 303)


def _suppression_request(visit: Visit) -> SuppressionRequest:
    """Return what the form says, checked as the API checks it. Raises ProblemError: 422."""
    scope, customer_id = str(visit.form.get("scope", "")).strip(), str(visit.form.get("customer_id", ""))
    try:
        return SuppressionRequest(scope=scope or "all", customer_ids=[customer_id])
    except ValueError:
        raise ProblemError(
            422, f"{scope!r} is no scope, or {customer_id[:_MAX_LENGTH]!r} no customer id; a scope is all, "
            "campaign:<trigger> or segment:<segment_id>, as in campaign:winback or segment:s3"
        ) from None  # fmt: skip
