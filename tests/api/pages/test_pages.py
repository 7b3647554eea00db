"""The dashboard lets in who is signed in, changes nothing without the form's token, and shows stored names as text."""

import html
import re
from urllib.parse import quote

import pytest

from api.access.api_keys import KeyStore, parse_token
from api.access.customer_access_log import read_audit
from api.access.scopes import Scope
from api.access.sign_in_sessions import COOKIE, new_sign_in
from api.pages.routes import PAGES
from tests.api.conftest import EVIL

VIEWS = [(method, re.sub(r"\{[^}]+\}", "c001", path), scopes) for method, path, _, scopes in PAGES]
HTML = {"Accept": "text/html"}


def used(shop, token):
    """Open a one-time link, and press the button that it shows."""
    page = shop.client.get(f"/sign-in?token={token}")
    assert page.status_code == 200, page.text
    return pressed(shop, page)


def pressed(shop, page):
    """Send the form of a page as a browser does."""
    fields = dict(re.findall(r'name="(\w+)" value="([^"]+)"', page.text))
    return shop.client.post("/sign-in", data=fields)


def signed_in(shop, *scopes):
    """Sign in by a one-time link as a key with these scopes."""
    key = parse_token(shop.token(*scopes or (Scope.ADMIN,))).key_id
    shop.client.cookies.clear()
    answer = used(shop, new_sign_in(shop.redis, key))
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    return answer


def seen(shop, path):
    answer = shop.client.get(path, headers=HTML)
    assert answer.status_code == 200, answer.text
    return answer.text


@pytest.mark.parametrize(("method", "path", "scopes"), VIEWS)
def test_a_page_is_for_who_is_signed_in_with_the_scope(shop, method, path, scopes):
    answer = shop.client.request(method, path, headers=HTML)
    assert (answer.status_code, answer.headers.get("location")) == (303, "/sign-in")
    shop.client.cookies.set(COOKIE, "made-up")
    assert shop.client.request(method, path, headers=HTML).status_code == 303
    shop.client.cookies.clear()
    assert shop.client.request(method, path, headers=shop.headers(Scope.ADMIN)).status_code == 303, "no key opens it"
    if scopes:
        signed_in(shop, Scope.EXPERIMENTS_WRITE)
        assert shop.client.request(method, path, headers=HTML).status_code == 403


def test_htmx_is_sent_to_the_sign_in_page_as_a_whole(shop):
    answer = shop.client.get("/parts/now", headers={"HX-Request": "true"})
    assert (answer.status_code, answer.headers["hx-redirect"]) == (401, "/sign-in")


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(shop):
    cookie = signed_in(shop).headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert shop.client.cookies[COOKIE] not in repr(shop.redis.keys("*"))


def test_a_link_signs_in_once(shop):
    token = new_sign_in(shop.redis, parse_token(shop.token(Scope.ADMIN)).key_id)
    page = shop.client.get(f"/sign-in?token={token}")
    assert pressed(shop, page).status_code == 303
    for again in (pressed(shop, page), shop.client.get(f"/sign-in?token={token}")):
        assert again.status_code == 403 if again.request.method == "POST" else again.status_code == 401
    assert "used already" in again.text


@pytest.mark.parametrize("method", ["HEAD", "GET", "OPTIONS"])
def test_who_only_opens_a_link_neither_uses_it_up_nor_is_signed_in(shop, method):
    token = new_sign_in(shop.redis, parse_token(shop.token(Scope.ADMIN)).key_id)
    for _ in range(3):
        shop.client.request(method, f"/sign-in?token={token}")
    assert COOKIE not in shop.client.cookies
    assert used(shop, token).status_code == 303
    assert COOKIE in shop.client.cookies


def test_another_site_cannot_sign_a_browser_in(shop):
    token = new_sign_in(shop.redis, parse_token(shop.token(Scope.ADMIN)).key_id)
    page = shop.client.get(f"/sign-in?token={token}")
    assert "<script" not in page.text
    assert "samesite=strict" in page.headers["set-cookie"].lower(), "another site's form is sent without it"
    fields = dict(re.findall(r'name="(\w+)" value="([^"]+)"', page.text))
    shop.client.cookies.clear()
    assert shop.client.post("/sign-in", data=fields).status_code == 403
    assert shop.client.post("/sign-in", data={"token": token}).status_code == 403
    assert COOKIE not in shop.client.cookies
    assert used(shop, token).status_code == 303, "nor use the link up"


def test_a_link_of_a_revoked_key_signs_nobody_in(shop):
    key_id = parse_token(shop.token(Scope.ADMIN)).key_id
    token = new_sign_in(shop.redis, key_id)
    KeyStore(shop.redis).revoke(key_id)
    assert shop.client.get(f"/sign-in?token={token}").status_code == 401


def test_signing_in_with_a_key_and_out(shop):
    page = shop.client.get("/sign-in")
    csrf = re.search(r'name="csrf" value="([^"]+)"', page.text)[1]
    wrong = shop.client.post("/sign-in", data={"csrf": csrf, "key": "shoal_nothing"})
    assert wrong.status_code == 401
    assert COOKIE not in shop.client.cookies
    forged = shop.client.post("/sign-in", data={"csrf": "x", "key": shop.token(Scope.ADMIN)})
    assert forged.status_code == 403
    assert shop.client.post("/sign-in", data={"csrf": csrf, "key": shop.token(Scope.ADMIN)}).status_code == 303
    token = re.search(r'name="csrf" value="([^"]+)"', seen(shop, "/customers"))[1]
    assert shop.client.post("/sign-out", data={"csrf": "x"}, headers=HTML).status_code == 403
    assert shop.client.post("/sign-out", headers=HTML).status_code == 403
    seen(shop, "/customers")
    cookie = shop.client.cookies[COOKIE]
    assert shop.client.post("/sign-out", data={"csrf": token}).status_code == 303
    shop.client.cookies.set(COOKIE, cookie)
    assert shop.client.get("/customers").status_code == 303, "the session is forgotten, not just the cookie"


def test_a_revoked_key_ends_its_sessions(shop):
    signed_in(shop)
    KeyStore(shop.redis).revoke(parse_token(shop.token(Scope.ADMIN)).key_id)
    assert shop.client.get("/customers").status_code == 303


@pytest.mark.parametrize(
    "path", ["/customers", f"/customers?q={quote('<script')}", f"/customers/{quote(EVIL, safe='')}"]
)
def test_names_are_text(shop, path):
    signed_in(shop)
    text = seen(shop, path)
    assert EVIL not in text
    assert "<b>NL</b>" not in text
    assert html.escape(EVIL) in text or path == "/customers"


def test_a_name_in_a_figure_cannot_end_its_script(shop):
    signed_in(shop)
    shop.client.app.state.services.__dict__["segment_names"] = lambda: {"s1": "</script><script>alert(1)</script>"}
    text = seen(shop, "/segments")
    assert "<script>alert(1)" not in text
    assert "\\u0026lt;/script\\u0026gt;" in text


def test_a_customer_is_found_by_its_whole_id_and_looking_is_on_record(shop):
    signed_in(shop)
    answer = shop.client.get("/customers?q=a/b", headers=HTML)
    assert (answer.status_code, answer.headers["location"]) == (303, "/customers/a%2Fb")
    assert "Timeline" in seen(shop, answer.headers["location"])
    assert [each.action for each in read_audit(shop.redis, "a/b")] == ["customer.read"]
    missing = shop.client.get("/customers/nobody", headers=HTML)
    assert missing.status_code == 404
    assert missing.headers["content-type"].startswith("text/html")
    assert "there is no customer &#x27;nobody&#x27;" in missing.text


def test_pages_of_customers_go_on(shop):
    signed_in(shop)
    found, path = set[str](), "/customers"
    while path:
        text = seen(shop, path)
        found |= {html.unescape(name) for name in re.findall(r'<a href="/customers/[^"]+">([^<]+)</a>', text)}
        more = re.search(r'href="(/customers\?[^"]+after=[^"]+)"', text)
        path = html.unescape(more[1]) if more else None
    assert found == set(shop.names)


def test_the_files_of_the_dashboard_come_from_here(shop):
    for name in ("app.css", "app.js", "htmx.min.js", "plotly.min.js"):
        assert shop.client.get(f"/static/{name}").status_code == 200, name
    assert shop.client.get("/static/..%2Fapp.py").status_code == 404
    assert shop.client.get("/static/nothing.js").status_code == 404
    signed_in(shop)
    for path in ("/segments", "/customers"):
        assert not re.findall(r'(?:src|href)="(?:https?:)?//', seen(shop, path))
