"""`shoal keys` and `shoal audit`, as a person uses them."""

import json
from datetime import UTC, datetime

import pytest
from typer.testing import CliRunner

from api.access.customer_access_log import STREAM, audit_salt, pseudonym
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
