"""Invariant 15: what a person entered is never only in Redis. It is on Kafka too, and comes back from there."""

import json

import pytest
from starlette.testclient import TestClient
from typer.testing import CliRunner

from api.access.api_keys import KeyStore
from api.app import build_app
from api.settings import ApiSettings, AppSettings
from cli.main import app
from consumers.broker.consumer_lag import behind, end_offsets, stored_offsets
from events.topics.specs import EXPERIMENT_INPUTS
from queries.experiments.experiments import Experiments
from state.campaigns.suppressions import ALL, SuppressionStore
from state.campaigns.triggers import TriggerStore
from state.experiments.definitions import ExperimentStore
from state.experiments.tally_store import TallyStore
from state.settings import StateSettings
from state.store import keys
from stream.campaigns.webhook_request import new_secret
from stream.settings import StreamSettings
from tests.deployment import Message
from tests.shop import order
from tests.stream.campaigns.receiver import Receiver

BANNER = ("experiment", "create", "banner", "--variant", "A", "--variant", "B", "--control", "A")


@pytest.fixture
def shoal(service, monkeypatch):
    for name, value in service.environment.items():
        monkeypatch.setenv(name, value)

    def run(*arguments):
        ran = CliRunner().invoke(app, [*arguments, "--json"])
        assert ran.exit_code == 0, (ran.output, ran.exception)
        return json.loads(ran.stdout) if ran.stdout else {}

    return run


@pytest.fixture
def receiver():
    with Receiver(new_secret()) as server:
        yield server


def held(client):
    """All that people entered, as Redis holds it."""
    suppressions = SuppressionStore(client)
    return (
        ExperimentStore(client).all(),
        TriggerStore(client).all(),
        {scope: set(suppressions.members(scope)) for scope in suppressions.scopes()},
        KeyStore(client).all(),
    )


def enter_by_command(shoal):
    token = shoal("keys", "create", "desk", "--scope", "admin")["key"]
    shoal("keys", "revoke", shoal("keys", "create", "gone", "--scope", "admin")["id"])
    shoal(*BANNER)
    shoal("experiment", "update", "banner", "--description", "a bigger banner")
    shoal("experiment", "create", "over", *BANNER[3:], "--start", "1998-01-01")
    shoal("experiment", "stop", "over")
    shoal("trigger", "add", "winback", "--url", "http://127.0.0.1:1/", "--cap", "3")
    shoal("trigger", "add", "gone", "--url", "http://127.0.0.1:1/")
    shoal("trigger", "remove", "gone")
    shoal("suppress", "add", "anna", "bert")
    shoal("suppress", "add", "anna", "--campaign", "winback")
    shoal("suppress", "remove", "bert")
    return token


def enter_by_api(service, token):
    settings = AppSettings(
        ApiSettings(), service.kafka, StateSettings(redis=service.environment["SHOAL_REDIS"]), StreamSettings()
    )
    with TestClient(build_app(settings), headers={"Authorization": f"Bearer {token}"}) as client:

        def post(path, **body):
            answer = client.post(path, json=body)
            assert answer.status_code in (200, 201), answer.text

        post("/v1/experiments", id="mail", variants=[{"name": "A"}, {"name": "B"}], control="A")
        post("/v1/experiments", id="short", variants=[{"name": "A"}, {"name": "B"}], control="A",
             start="1998-01-01T00:00:00Z")  # fmt: skip
        post("/v1/experiments/short/stop")
        post("/v1/triggers", trigger="spring", url="http://127.0.0.1:1/")
        post("/v1/triggers", trigger="autumn", url="http://127.0.0.1:1/")
        assert client.delete("/v1/triggers/autumn").status_code == 204
        post("/v1/suppressions:add", scope="all", customer_ids=["carl", "dora"])
        post("/v1/suppressions:remove", scope="all", customer_ids=["dora"])


@pytest.mark.parametrize(
    "command", ["api", *(pytest.param(each, marks=pytest.mark.long) for each in ("worker", "experiments", "triggers"))]
)
def test_any_service_brings_everything_back(service, shoal, command):
    enter_by_api(service, enter_by_command(shoal))
    before = held(service.redis)
    assert list(before[0]) == ["banner", "mail", "over", "short"]
    assert list(before[1]) == ["spring", "winback"]
    assert before[2] == {ALL: {"anna", "carl"}, "campaign:winback": {"anna"}}
    assert [each.name for each in before[3]] == ["desk"]
    service.redis.flushdb()
    service.spawn(command, *(["--port", "0"] if command == "api" else []))
    service.until(lambda: held(service.redis) == before, what="everything is back")
    service.redis.flushdb()  # while it runs
    service.until(lambda: held(service.redis) == before, what="everything is back again")


def exposed_to(service, experiment):
    cells = TallyStore(service.redis).read(experiment, service.kafka.partitions).cells
    return {cell: values for cell, values in cells.items() if any(values)}


def until_tallied(service):
    def all_read():
        ends = end_offsets(service.kafka, EXPERIMENT_INPUTS)
        return not behind(ends, stored_offsets(service.redis, service.kafka.partitions, keys.EXPERIMENTS_GROUP))

    service.until(all_read, what="everything is tallied")


def test_exposures_are_tallied_and_not_dead_letters(service, shoal):
    shoal(*BANNER, "--start", "1998-01-01")
    service.publish(
        Message(
            "exposures",
            f"c{number}",
            json.dumps(
                {"event_id": f"e{number}", "customer_id": f"c{number}", "occurred_at": "1998-01-02T00:00:00Z",
                 "schema_version": 1, "experiment": "banner", "variant": "AB"[number % 2]}
            ).encode(),
        )
        for number in range(641)
    )  # fmt: skip
    running = service.spawn("experiments")
    until_tallied(service)
    before = exposed_to(service, "banner")
    assert sum(values[0] for values in before.values()) == 641
    running.kill()
    service.redis.flushdb()
    service.spawn("experiments")
    service.until(lambda: exposed_to(service, "banner") == before, what="the tallies are back")
    service.redis.flushdb()  # while it runs
    service.until(lambda: exposed_to(service, "banner") == before, what="the tallies are back again")
    until_tallied(service)
    assert service.dead_letters() == []
    assert Experiments(service.redis, service.kafka.partitions, None).ids() == ["banner"]


def test_who_said_no_is_not_contacted(service, shoal, receiver):
    shoal("trigger", "add", "new", "--url", receiver.url, "--secret", receiver.secret)
    shoal("suppress", "add", "bert", "dora")
    service.worker()
    service.spawn("triggers")
    service.publish([order(name, "1998-01-01T00:00:00Z") for name in ("anna", "bert")])

    def called():
        return {json.loads(body)["data"]["customer_id"] for body in list(receiver.bodies.values())}

    service.until(lambda: "anna" in called(), what="anna is contacted")
    service.redis.flushdb()
    service.publish([order(name, "1998-01-01T00:00:00Z") for name in ("carl", "dora")])
    service.until(lambda: "carl" in called(), what="who comes later is contacted")
    service.until_processed()
    service.until_quiet()

    def outcomes():
        return {each["customer_id"]: each["outcome"] for each in shoal("trigger", "log")["attempts"]}

    service.until(lambda: "dora" in outcomes(), what="dora is looked at")
    assert outcomes()["dora"] == "suppressed"
    assert called() == {"anna", "carl"}


def test_nothing_of_an_erased_customer_stays_or_comes_back(service, shoal):
    service.worker()
    service.publish([order("anna", "1998-01-01T00:00:00Z")])
    service.until_processed()
    shoal("suppress", "add", "anna", "bert")
    shoal("erase", "anna")
    last = dict(service.read_with_keys("entries"))  # what compaction keeps
    assert not any(b"anna" in (value or b"") for value in last.values())
    service.redis.flushdb()
    service.until(lambda: SuppressionStore(service.redis).scopes_of("bert") == [ALL], what="bert is back")
    assert SuppressionStore(service.redis).scopes_of("anna") == []
