"""The live feed ends soon after a sign-out, and after the key behind the session was revoked or has expired."""

import re
import threading
import time
from datetime import UTC, datetime, timedelta

import httpx2
import pytest

from api.access.api_keys import KeyStore
from api.access.scopes import Scope
from api.access.sign_in_sessions import COOKIE, new_sign_in
from cli.local.embedded import free_port, port_open
from tests.waiting import until, until_within

KEY_CACHE_S = 5.0


@pytest.fixture
def address(service):
    """An API of its own."""
    port = free_port()
    service.spawn("api", "--port", str(port))
    until(lambda: port_open(port), what="the API listens")
    return f"http://127.0.0.1:{port}"


class Feed:
    """A feed that is read in a thread until it ends."""

    def __init__(self, address: str, cookie: str) -> None:
        self.opened, self.ended = threading.Event(), threading.Event()
        self._address, self._cookie = address, cookie
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        cookie = {"cookie": f"{COOKIE}={self._cookie}"}
        try:
            with httpx2.stream("GET", f"{self._address}/feed", headers=cookie, timeout=120) as answer:
                assert answer.status_code == 200
                self.opened.set()
                for _ in answer.iter_raw():
                    pass
        except httpx2.TransportError:
            return  # the API was ended with the test, before this feed was
        self.ended.set()


def test_it_ends_within_the_key_caches_seconds(service, address):
    keys = KeyStore(service.redis)

    def signed_in(expires_at=None):
        key = keys.create("k", [Scope.SEGMENTS_READ], datetime.now(UTC), expires_at).key
        page = httpx2.get(f"{address}/sign-in", params={"token": new_sign_in(service.redis, key.id)}, timeout=60)
        fields = dict(re.findall(r'name="(\w+)" value="([^"]+)"', page.text))
        answer = httpx2.post(f"{address}/sign-in", data=fields, cookies=dict(page.cookies), timeout=60)
        feed = Feed(address, answer.cookies[COOKIE])
        assert feed.opened.wait(60)
        return key, answer.cookies[COOKIE], feed

    _, _, goes_on = signed_in()
    revoked, _, of_revoked = signed_in()
    _, cookie, of_signed_out = signed_in()
    _, _, of_expired = signed_in(datetime.now(UTC) + timedelta(seconds=20))
    time.sleep(KEY_CACHE_S + 2.0)
    assert not any(feed.ended.is_set() for feed in (goes_on, of_revoked, of_signed_out))

    keys.revoke(revoked.id)
    until_within(KEY_CACHE_S + 1.0, of_revoked.ended.is_set, what="the feed of a revoked key ends")

    home = httpx2.get(f"{address}/segments", headers={"cookie": f"{COOKIE}={cookie}"}, timeout=60).text
    csrf = home.split('name="csrf" value="')[1].split('"')[0]
    done = httpx2.post(f"{address}/sign-out", headers={"cookie": f"{COOKIE}={cookie}"}, data={"csrf": csrf}, timeout=60)
    assert done.status_code == 303
    until_within(KEY_CACHE_S + 1.0, of_signed_out.ended.is_set, what="the feed of a session that has ended ends")

    until(of_expired.ended.is_set, what="the feed of an expired key ends")
    assert not goes_on.ended.is_set()
