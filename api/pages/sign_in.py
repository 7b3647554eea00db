"""Sign in with a key or by a one-time link, and out.

To open a link changes nothing: mail scanners and previews open links too, and another site can make a browser open one.
The page that it shows has a button, whose form has a token of this browser.
"""

import hmac
import secrets

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from api.access.sign_in_sessions import COOKIE
from api.pages.page_access import Visit, visit_from
from api.pages.rendering import plain_page
from api.serving.services import Services

__all__ = ["show_sign_in", "sign_in", "sign_out"]

_FORM_COOKIE = "shoal_sign_in"
_USED = "This link was used already, or has expired. `shoal keys sign-in ID` makes a new one."


async def show_sign_in(request: Request) -> Response:
    """Show the form for a key, or for a link's token, the button that signs in by it."""
    token = request.query_params.get("token")
    if token is None:
        return RedirectResponse("/", 303) if await visit_from(request) else _form(request)
    services = _services(request)
    key_id = await services.sessions.owner(token)
    caller = None if key_id is None else await services.key_cache.by_id(key_id)
    return _form(request, _USED, 401) if caller is None else _form(request, token=token, name=caller.name)


async def sign_in(request: Request) -> Response:
    """Sign in with a key, or by a link's token, which is used up."""
    form = await request.form()
    sent, expected = str(form.get("csrf", "")), request.cookies.get(_FORM_COOKIE, "")
    if not expected or not hmac.compare_digest(sent.encode(), expected.encode()):
        return _form(request, "The form was too old. Please try again.", 403)
    if token := str(form.get("token", "")):
        key_id = await _services(request).sessions.redeem(token)
        return _form(request, _USED, 401) if key_id is None else await _begin(request, key_id)
    caller = await _services(request).key_cache.principal_of(str(form.get("key", "")).strip())
    if caller is None:
        return _form(request, "This is not a valid key. `shoal keys create NAME --scope admin` makes one.", 401)
    return await _begin(request, caller.key_id)


async def sign_out(visit: Visit) -> Response:
    """End the session."""
    await visit.services.sessions.end(visit.request.cookies[COOKIE])
    response = RedirectResponse("/sign-in", 303)
    response.delete_cookie(COOKIE, httponly=True, samesite="lax")
    return response


async def _begin(request: Request, key_id: str) -> Response:
    services = _services(request)
    cookie = await services.sessions.begin(key_id)
    response = RedirectResponse("/", 303)
    response.set_cookie(
        COOKIE, cookie, max_age=services.sessions.seconds, httponly=True, samesite="lax", secure=_secure(request)
    )
    response.delete_cookie(_FORM_COOKIE, httponly=True, samesite="strict")
    return response


def _form(
    request: Request, message: str | None = None, status: int = 200, *, token: str = "", name: str = ""
) -> Response:
    csrf = request.cookies.get(_FORM_COOKIE) or secrets.token_urlsafe()
    response = plain_page("sign_in.html", status, csrf=csrf, message=message, token=token, name=name)
    response.set_cookie(_FORM_COOKIE, csrf, max_age=3_600, httponly=True, samesite="strict", secure=_secure(request))
    return response


def _secure(request: Request) -> bool:
    return request.url.scheme == "https" or _services(request).settings.api.api_secure_cookies


def _services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services
