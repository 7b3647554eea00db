"""`shoal keys` and `shoal audit`, as a person uses them."""

import asyncio
import json
from datetime import UTC, datetime, timedelta

import pytest
from redis.asyncio import Redis as AsyncRedis
from typer.testing import CliRunner

from api.access.api_keys import KeyStore, parse_token
from api.access.customer_access_log import STREAM, audit_salt, pseudonym
from api.access.scopes import Scope
from api.access.sign_in_sessions import Sessions
from cli.main import app
from state.store import keys

RUN = CliRunner()


@pytest.fixture
def run(redis_database_url, entries_topic):
    def run(*arguments: str):
        return RUN.invoke(app, [*arguments, "--redis", redis_database_url])

    return run


def test_a_key_is_shown_once(run, redis):
    made = run("keys", "create", "shop", "--scope", "segments:read", "--scope", "customers:read", "--json")
    document = json.loads(made.stdout)
    assert document["scopes"] == ["segments:read", "customers:read"]
    assert document["key"].startswith(f"shoal_{document['id']}_")
    listed = run("keys", "list", "--json")
    assert document["key"].split("_", 2)[2] not in listed.stdout
    assert [each["name"] for each in json.loads(listed.stdout)] == ["shop"]
    assert "shop" in run("keys", "list").stdout


def test_a_revoked_key_is_gone(run, redis):
    made = json.loads(run("keys", "create", "x", "--scope", "admin", "--expires", "24h", "--json").stdout)
    ends = datetime.fromisoformat(made["expires_at"]) - datetime.fromisoformat(made["created_at"])
    assert ends.total_seconds() == 86_400
    assert run("keys", "revoke", made["id"]).exit_code == 0
    assert redis.hlen(keys.API_KEYS) == 0
    again = run("keys", "revoke", made["id"])
    assert "there is no API key" in str(again.exception)
    assert "there is no API key" in str(run("keys", "sign-in", made["id"]).exception)


@pytest.mark.parametrize(
    "arguments", [["x", "--scope", "everything"], ["x"], ["a\nb", "--scope", "admin"], ["", "--scope", "admin"]]
)
def test_wrong_usage_makes_no_key(run, redis, arguments):
    assert run("keys", "create", *arguments).exit_code == 2
    assert redis.hlen(keys.API_KEYS) == 0


def test_the_audit_log_can_be_asked_about_a_customer(run, redis):
    salt = audit_salt(redis)
    for name in ("anna", "bob", "anna"):
        fields = {"key": "k", "name": "shop", "action": "customer.read", "customer": pseudonym(salt, name)}
        redis.xadd(STREAM, fields)
    every = run("audit", "export").stdout.splitlines()
    of_anna = [json.loads(line) for line in run("audit", "export", "--customer", "anna").stdout.splitlines()]
    assert len(every) == 3
    assert [each["customer"] for each in of_anna] == [pseudonym(salt, "anna")] * 2
    assert datetime.fromisoformat(of_anna[0]["at"]).tzinfo == UTC
    assert "anna" not in "".join(every)


def lasts_days(document):
    ends, made = (datetime.fromisoformat(document[name]) for name in ("expires_at", "created_at"))
    return (ends - made) / timedelta(days=1)


def test_keys_last_a_year_unless_something_else_is_said(run):
    year = json.loads(run("keys", "create", "a", "--scope", "admin", "--json").stdout)
    assert lasts_days(year) == 365
    forever = json.loads(run("keys", "create", "b", "--scope", "admin", "--expires", "never", "--json").stdout)
    assert forever["expires_at"] is None


@pytest.mark.parametrize(("before", "overlap", "left"), [("365d", "7d", 7), ("2d", "7d", 2), ("never", "0s", 0)])
def test_a_key_rotates_with_an_overlap(run, redis, before, overlap, left):
    scopes = ["--scope", "segments:read", "--scope", "customers:read"]
    old = json.loads(run("keys", "create", "shop", *scopes, "--expires", before, "--json").stdout)
    new = json.loads(run("keys", "rotate", old["id"], "--overlap", overlap, "--json").stdout)
    assert (new["name"], new["scopes"]) == ("shop", old["scopes"])
    assert new["key"] != old["key"]
    assert lasts_days(new) == 365
    stored = {key.id: key for key in KeyStore(redis).all()}
    ends = stored[old["id"]].expires_at
    assert abs((ends - datetime.fromisoformat(new["created_at"])) / timedelta(days=1) - left) < 0.01
    for made in (old, new):  # the old secret is good until then
        assert stored[made["id"]].matches(parse_token(made["key"]).secret)
    now = datetime.now(UTC)
    assert [stored[each["id"]].valid_at(now) for each in (old, new)] == [left > 0, True]
    assert not stored[old["id"]].valid_at(now + timedelta(days=left, seconds=60))


def test_what_has_expired_or_never_was_does_not_rotate(run, redis):
    made, ended = (datetime(2026, month, 1, tzinfo=UTC) for month in (1, 2))
    gone = KeyStore(redis).create("x", [Scope.ADMIN], made, ended)
    assert "has expired" in str(run("keys", "rotate", gone.key.id).exception)
    assert "there is no API key" in str(run("keys", "rotate", "0123456789ab").exception)
    assert redis.hlen(keys.API_KEYS) == 1


def test_sessions_are_listed_without_what_opens_them_and_ended(run, redis, redis_database_url):
    made = [json.loads(run("keys", "create", name, "--scope", "admin", "--json").stdout)["id"] for name in ("a", "b")]

    async def with_sessions(work):
        client = AsyncRedis.from_url(redis_database_url)
        try:
            return await work(Sessions(client, hours=1.0))
        finally:
            await client.aclose()

    async def begin(sessions):
        return [await sessions.begin(key_id) for key_id in (made[0], made[0], made[1])]

    async def alive(sessions):
        return [await sessions.find(cookie) is not None for cookie in cookies]

    cookies = asyncio.run(with_sessions(begin))
    shown = run("keys", "sessions", "--json").stdout
    listed = json.loads(shown)
    assert sorted(each["name"] for each in listed) == ["a", "a", "b"]
    assert not any(cookie in shown for cookie in cookies)
    of_b = next(each["id"] for each in listed if each["name"] == "b")
    assert json.loads(run("keys", "end-session", of_b, "--json").stdout) == {"ended": 1}
    assert asyncio.run(with_sessions(alive)) == [True, True, False]
    assert "there is no session" in str(run("keys", "end-session", of_b).exception)
    assert json.loads(run("keys", "end-session", "--key", made[0], "--json").stdout) == {"ended": 2}
    assert asyncio.run(with_sessions(alive)) == [False, False, False]
    assert json.loads(run("keys", "sessions", "--json").stdout) == []
    assert run("keys", "end-session").exit_code == run("keys", "end-session", of_b, "--key", made[0]).exit_code == 2
