"""Customers: the list, and a customer's page with record, history and the reasons for its segment."""

import re
from typing import Any
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response

from api.pages.customer_timeline import timeline_of
from api.pages.page_access import Visit
from api.pages.rendering import page, part
from api.serving.services import Services
from queries.customers.customer_lookup import CURSOR, CustomerFilter
from queries.customers.segment_explanation import explain_segment

__all__ = ["customer", "customer_timeline", "customers"]

_PAGE = 50
_MAX_LENGTH = 128
_OF_THE_EVENT = {"event_id", "customer_id", "schema_version"}


async def customers(visit: Visit) -> Response:
    """Return the list, or go to the customer whose id was typed in whole."""
    query = visit.request.query_params
    prefix, segment_id = query.get("q", "")[:_MAX_LENGTH].strip(), query.get("segment", "")[:16]
    if prefix and await visit.services.reads.one(prefix) is not None:
        return RedirectResponse(f"/customers/{quote(prefix, safe='')}", 303)
    after = query.get("after")
    rows, following = await run_in_threadpool(
        visit.services.customers.page, CustomerFilter(prefix, segment_id), _PAGE, after if _is_cursor(after) else None
    )
    await visit.services.audit.record(visit.caller, "customers.list", detail=f"{len(rows)} customers")
    names = await run_in_threadpool(visit.services.segment_names)
    return page(
        visit, "customers.html", rows=rows, prefix=prefix, segment_id=segment_id, names=names, following=following
    )


async def customer(visit: Visit) -> Response:
    """Return a customer's page."""
    customer_id = visit.request.path_params["customer_id"]
    values = await run_in_threadpool(_values, visit.services, customer_id)
    await visit.services.audit.record(visit.caller, "customer.read", values["customer"]["customer_id"], "in full")
    return page(visit, "customer.html", **values)


async def customer_timeline(visit: Visit) -> Response:
    """Return a customer's timeline, which the page asks for once it is there: Kafka has to be read for it."""
    customer_id = visit.request.query_params.get("customer", "")[:_MAX_LENGTH]

    def values() -> dict[str, Any]:
        entries, missing = timeline_of(visit.services, visit.services.customers.document(customer_id, personal=True))
        return {"entries": entries, "missing": missing}

    found = await run_in_threadpool(values)
    await visit.services.audit.record(visit.caller, "customer.read", customer_id, "timeline")
    return part("parts/timeline.html", **found)


def _values(services: Services, customer_id: str) -> dict[str, Any]:
    document = services.customers.document(customer_id, personal=True)
    rows = services.inspector.rows(customer_id)
    return {
        "customer": document,
        "profile": _profile(document["profile"]),
        "why": explain_segment(services.segmenter(), rows, services.inspector.now_ms()),
    }


def _profile(profile: dict[str, Any] | None) -> list[tuple[str, str]]:
    """Return what the CRM said of the customer, in words; the event's own fields are left out."""
    if profile is None:
        return []
    said = {name: value for name, value in profile.items() if name not in _OF_THE_EVENT}
    said["as of"] = said.pop("occurred_at", None)
    for name in ("consent", "attributes"):
        inner = said.pop(name, None) or {}
        said |= {f"{name}: {key}" if name == "consent" else key: value for key, value in inner.items()}
    return [(name.replace("_", " "), _word(value)) for name, value in said.items() if value not in (None, "")]


def _word(value: Any) -> str:
    """Return a value as people write it.

    >>> _word(True), _word(39100.0), _word("2025-02-07T22:14:52.985000Z")
    ('yes', '39,100', '2025-02-07 22:14')
    """
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float) and abs(value) < 1e300:
        return f"{value:,.10g}"
    return re.sub(r"^(\d{4}-\d\d-\d\d)T(\d\d:\d\d)\S*$", r"\1 \2", str(value))


def _is_cursor(text: str | None) -> bool:
    return bool(text and re.fullmatch(CURSOR[1:-1], text, re.ASCII))
