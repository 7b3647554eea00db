"""Access control of pages: a session, the scope, and on every form the session's CSRF token."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from api.access.scopes import Principal, Scope
from api.access.sign_in_sessions import COOKIE, Session
from api.serving.problem_details import ProblemError
from api.serving.services import Services

__all__ = ["Endpoint", "View", "Visit", "requires_sign_in", "visit_from"]

SIGN_IN: Final = "/sign-in"


@dataclass(frozen=True)
class Visit:
    """A request in a signed-in session."""

    request: Request
    services: Services
    caller: Principal
    session: Session
    form: FormData


View = Callable[[Visit], Awaitable[Response]]
Endpoint = Callable[[Request], Awaitable[Response]]


def requires_sign_in(view: View, *scopes: Scope) -> Endpoint:
    """Return the endpoint of a page for who is signed in with one of the scopes (none: any)."""

    async def endpoint(request: Request) -> Response:
        visit = await visit_from(request)
        if visit is None:
            return _redirect_to_sign_in(request)
        if scopes and not visit.caller.may_any(scopes):
            raise ProblemError(
                403, f"you signed in with the key {visit.caller.name!r}, which lacks {' or '.join(scopes)}"
            )
        if request.method == "POST" and not visit.session.csrf_matches(str(visit.form.get("csrf", ""))):
            raise ProblemError(403, "the form is not from this session; load the page again and send it from there")
        return await view(visit)

    return endpoint


async def visit_from(request: Request) -> Visit | None:
    """Return the visit, or None where nobody is signed in (any more)."""
    services: Services = request.app.state.services
    cookie = request.cookies.get(COOKIE)
    session = await services.sessions.find(cookie) if cookie else None
    caller = await services.key_cache.by_id(session.key_id) if session else None
    if session is None or caller is None:
        return None
    form: Any = await request.form() if request.method == "POST" else FormData()
    return Visit(request, services, caller, session, form)


def _redirect_to_sign_in(request: Request) -> Response:
    if request.headers.get("hx-request") == "true":  # a redirect would put the sign-in page into the middle of this one
        return Response(status_code=401, headers={"HX-Redirect": SIGN_IN})
    return RedirectResponse(SIGN_IN, 303)
