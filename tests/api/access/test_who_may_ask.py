"""Every endpoint refuses who has no key, a wrong one, an expired or revoked one, or one of the wrong scope."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from api.access.api_keys import KeyStore
from api.access.scopes import Scope
from api.app import build_app
from api.serving.scope_guard import GuardedRoute, guarded_router
from api.settings import ApiSettings, AppSettings
from events.settings import KafkaSettings
from state.settings import StateSettings
from state.store import keys as redis_keys
from stream.settings import StreamSettings

OPEN = {("GET", "/health"), ("GET", "/ready"), ("GET", "/openapi.json")}
METHODS = {"get", "post", "put", "patch", "delete"}


def operations():
    """Every operation of the OpenAPI document, with the scopes that it names."""
    settings = AppSettings(ApiSettings(), KafkaSettings(), StateSettings(), StreamSettings())
    paths = build_app(settings).openapi()["paths"]
    return [
        (method.upper(), path, tuple(Scope(name) for name in operation.get("x-scopes", ())))
        for path, item in paths.items()
        for method, operation in item.items()
        if method in METHODS
    ]


GUARDED = [each for each in operations() if each[:2] not in OPEN]
WRONG = f"shoal_0123456789ab_{'x' * 43}"


def test_the_table_has_every_operation_but_the_open_ones():
    assert {each[:2] for each in operations()} - {each[:2] for each in GUARDED} == OPEN - {("GET", "/openapi.json")}
    assert len(GUARDED) >= 7


@pytest.mark.parametrize(("method", "path", "scopes"), GUARDED)
def test_only_a_key_with_the_scope_is_let_in(shop, method, path, scopes):
    address = re.sub(r"\{\w+\}", "c001", path)

    def asked(token, **options):
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return shop.client.request(method, address, headers=headers, **options)

    keys = KeyStore(shop.redis)
    expired = keys.create("old", [Scope.ADMIN], datetime.now(UTC), datetime.now(UTC) - timedelta(seconds=1)).token
    right = keys.create("right", [Scope.ADMIN], datetime.now(UTC)).token
    answers = {
        "none": asked(None),
        "wrong": asked(WRONG),
        "wrong secret": asked(right[:-4] + "AAAA"),
        "expired": asked(expired),
        "not a key": asked("<script>"),
        "broken body": asked(None, content=b"{"),
    }
    assert {name: answer.status_code for name, answer in answers.items()} == dict.fromkeys(answers, 401)
    assert all(answer.headers["www-authenticate"] == "Bearer" for answer in answers.values())
    assert all(answer.headers["content-type"] == "application/problem+json" for answer in answers.values())
    others = [scope for scope in Scope if scope not in (*scopes, Scope.ADMIN)]
    for scope in others:
        refused = asked(shop.token(scope), content=b"{")
        assert refused.status_code == 403, scope
        assert scopes[0].value in refused.json()["detail"]
    for scope in scopes:
        assert asked(shop.token(scope)).status_code not in {401, 403}, scope


@pytest.mark.parametrize(("method", "path"), sorted(OPEN))
def test_what_is_open_is_open(shop, method, path):
    assert shop.client.request(method, path).status_code == 200


def test_a_key_in_the_address_or_by_another_scheme_opens_nothing(shop):
    token = shop.token(Scope.ADMIN)
    assert shop.client.get(f"/v1/segments?key={token}").status_code == 401
    assert shop.client.get("/v1/segments", headers={"Authorization": f"Basic {token}"}).status_code == 401


def test_a_route_without_a_scope_cannot_be_built():
    router = guarded_router()
    assert router.route_class is GuardedRoute
    with pytest.raises(RuntimeError, match="names no scope"):
        router.get("/x")(lambda: None)


def test_a_revoked_key_opens_nothing_once_the_cache_has_ended(shop, monkeypatch):
    made = KeyStore(shop.redis).create("leaving", [Scope.SEGMENTS_READ], datetime.now(UTC))
    headers = {"Authorization": f"Bearer {made.token}"}
    assert shop.client.get("/v1/segments", headers=headers).status_code == 200
    KeyStore(shop.redis).revoke(made.key.id)
    ring = shop.client.app.state.services.key_cache
    later = ring._clock() + shop.settings.api.api_key_cache_s
    monkeypatch.setattr(ring, "_clock", lambda: later)
    assert shop.client.get("/v1/segments", headers=headers).status_code == 401


def test_redis_holds_no_secret(shop):
    token = shop.token(Scope.ADMIN)
    secret = token.split("_", 2)[2]
    kept = b"".join(shop.redis.hgetall(redis_keys.API_KEYS).values())
    assert secret.encode() not in kept
    assert secret not in repr(KeyStore(shop.redis).all())
