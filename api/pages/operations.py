"""Operations: workers, partitions, lag, and events by outcome; for `admin` also forms to act on them."""

from typing import Any, Final

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from api.access.scopes import Scope
from api.pages.page_access import Visit
from api.pages.rendering import page, part
from api.serving.services import Services

__all__ = ["operations", "operations_part"]

_ATTEMPTS: Final = 20

_MESSAGES: Final = {
    "added": "{} customers are left out now who were not before.",
    "let-in": "{} customers are no longer left out.",
    "removed": "The trigger is removed.",
    "replayed": "{} events were published again.",
    "before": "These events were published again before; nothing was done.",
    "without-value": "The bytes of these events were too many to be kept: find them in their topic, and publish them.",
}
"""What the page says after a form, by the word that the form's answer leads back with."""


async def operations(visit: Visit) -> Response:
    """Return the page."""
    return await operations_page(visit, _message(visit))


async def operations_part(visit: Visit) -> Response:
    """Return the figures, which the page asks for every five seconds."""
    return part("parts/operations.html", **_status_values(await run_in_threadpool(visit.services.status)))


async def operations_page(visit: Visit, message: str | None) -> Response:
    """Return the page with a message on top."""
    status = await run_in_threadpool(visit.services.status)
    admin, customers = visit.caller.may(Scope.ADMIN), visit.caller.may(Scope.CUSTOMERS_READ)
    values = await run_in_threadpool(_lists, visit.services, admin, customers)
    return page(
        visit, "operations.html", message=message, admin=admin, customers=customers, **_status_values(status), **values
    )


def _lists(services: Services, admin: bool, customers: bool) -> dict[str, Any]:
    return {
        "triggers": services.triggers.all() if admin else [],
        "attempts": services.triggers.attempts(_ATTEMPTS) if admin else [],
        "erasures": len(services.erasures.open()) if admin else 0,
        "scopes": services.suppressions.scopes() if customers else {},
    }


def _status_values(status: dict[str, Any]) -> dict[str, Any]:
    owners = {partition: worker["worker"] for worker in status["workers"] for partition in worker["partitions"]}
    behind = status["partitions_behind"]
    partitions = [
        {"partition": number, "worker": owners.get(number), "behind": behind[number] if behind else None}
        for number in range(status["partitions"])
    ]
    return {"status": status, "partitions": partitions}


def _message(visit: Visit) -> str | None:
    """Return the words for what a form has done; the address holds only which, and a number."""
    query = visit.request.query_params
    words, count = _MESSAGES.get(query.get("done", "")), query.get("n", "0")
    return (
        words.format(f"{int(count):,}") if words and count.isascii() and count.isdigit() and len(count) < 10 else None
    )
