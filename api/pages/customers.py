"""Customers: find one, and see what is known of it, where it was, and why it is where it is."""

import re
from datetime import datetime
from typing import Any
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response

from api.customers import CURSOR, Filter
from api.pages.door import Visit
from api.pages.rendering import page
from api.problems import Refusal
from api.services import Services
from api.why import why
from state.moves import earlier_segments
from state.records import Rows
from stream.inspect import CustomerUnknown

__all__ = ["customer", "customers"]

_PAGE = 50
_LONGEST = 128


async def customers(visit: Visit) -> Response:
    """Return the list, or go to the customer whose id was typed in whole."""
    query = visit.request.query_params
    prefix, segment_id = query.get("q", "")[:_LONGEST].strip(), query.get("segment", "")[:16]
    if prefix and await visit.services.reads.one(prefix) is not None:
        return RedirectResponse(f"/customers/{quote(prefix, safe='')}", 303)
    after = query.get("after")
    rows, following = await run_in_threadpool(
        visit.services.customers.page, Filter(prefix, segment_id), _PAGE, after if _is_cursor(after) else None
    )
    await visit.services.audit.record(visit.who, "customers.list", detail=f"{len(rows)} customers")
    names = await run_in_threadpool(visit.services.segment_names)
    return page(
        visit, "customers.html", rows=rows, prefix=prefix, segment_id=segment_id, names=names, following=following
    )


async def customer(visit: Visit) -> Response:
    """Return a customer's page."""
    customer_id = visit.request.path_params["customer_id"]
    try:
        values = await run_in_threadpool(_values, visit.services, customer_id)
    except CustomerUnknown as error:
        raise Refusal(404, str(error)) from None
    await visit.services.audit.record(visit.who, "customer.read", customer_id, "in full")
    return page(visit, "customer.html", **values)


def _values(services: Services, customer_id: str) -> dict[str, Any]:
    document = services.customers.document(customer_id, personal=True)
    rows, names = services.inspector.rows(customer_id), services.segment_names()
    return {
        "customer": document,
        "why": why(services.segmenter(), rows, services.inspector.now_ms()),
        "timeline": _timeline(document, rows, names),
    }


def _timeline(document: dict[str, Any], rows: Rows, names: dict[str, str]) -> list[tuple[Any, str, str]]:
    """Return what the record remembers as (when, kind, what), the latest first."""
    record = document["record"]
    known = [
        (record["signed_up"], "profile", "Signed up"),
        (record["first_order"], "order", "First order"),
        (record["last_order"], "order", f"Latest order, of {record['orders']:,}"),
        (record["last_session"], "session", f"Latest web session, of {record['sessions']:,}"),
        (document["since"], "segment", f"Moved into {document['segment']}"),
    ]
    known += [(since, "segment", f"Moved into {names.get(each, each)}") for each, since in earlier_segments(rows)[0]]
    return sorted((each for each in known if each[0] is not None), key=lambda each: _ms(each[0]), reverse=True)


def _ms(when: str | int) -> float:
    return when if isinstance(when, int) else datetime.fromisoformat(when).timestamp() * 1000


def _is_cursor(text: str | None) -> bool:
    return bool(text and re.fullmatch(CURSOR[1:-1], text, re.ASCII))
