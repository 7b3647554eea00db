"""Invariant 11, retention: who was silent for SHOAL_FORGET_AFTER_DAYS is erased, under all ids."""

import json
from datetime import UTC, datetime

import pytest
from pydantic import ValidationError
from typer.testing import CliRunner

from cli.main import app
from experiments import Experiment
from state.campaigns.suppressions import ALL, SuppressionStore
from state.experiments.definitions import ExperimentStore
from state.store import keys
from stream.settings import StreamSettings
from tests.shop import identity, message, order, purchases

ANNA, VISITOR, BERT = "anna-silent-25", "visitor-silent-25", "bert-active-25"
FORGET = {"SHOAL_FORGET_AFTER_DAYS": "90"}


def holding(redis, text):
    held = {key: redis.dump(key) or b"" for key in redis.scan_iter(count=10_000)}
    return {key.decode() for key, value in held.items() if text.encode() in key + value}


def now():
    return datetime.now(UTC).isoformat()


def fill(service):
    banner = {"id": "e", "variants": [{"name": "A"}, {"name": "B"}], "control": "A", "start": "1997-01-01T00:00:00Z"}
    ExperimentStore(service.redis).create("e", Experiment.model_validate(banner).model_dump_json())
    SuppressionStore(service.redis).add(ALL, [ANNA])
    old = "1998-01-01T00:00:00Z"
    events = [
        *purchases()[:300],
        *(order(each, old, event_id=each) for each in (ANNA, VISITOR)),
        order(BERT, old, event_id="b1"),
        message("customers", event_id="p", customer_id=ANNA, occurred_at=old, age=30),
        *(message("exposures", event_id=f"x{each}", customer_id=each, occurred_at=old, experiment="e", variant="B")
          for each in (ANNA, BERT)),
    ]  # fmt: skip
    service.publish(events)
    waited(service)
    service.publish([identity(VISITOR, ANNA, "1998-01-02T00:00:00Z"), order(BERT, now(), event_id="b2")])
    waited(service)


def waited(service):
    waiting = ["wait", "--timeout", "5"]
    service.until(lambda: CliRunner().invoke(app, waiting).exit_code == 0, what="all is processed")
    service.until_quiet()


@pytest.fixture(autouse=True)
def environment(service, monkeypatch):
    for name, value in service.environment.items():
        monkeypatch.setenv(name, value)


@pytest.mark.long
def test_who_was_silent_for_long_is_erased_as_on_request(service):
    redis = service.redis
    redis.config_set("rdbcompression", "no")
    worker = service.worker()
    service.spawn("experiments")
    fill(service)
    known = service.records().keys()
    assert {ANNA, BERT} < known
    assert len(holding(redis, ANNA)) >= 5
    assert json.loads(CliRunner().invoke(app, ["health", "--json"]).stdout)["forgotten"] == 0

    worker.stop()
    worker = service.worker(**FORGET)
    service.spawn("api", "--port", "0")
    service.until(lambda: service.records().keys() == {BERT}, what="only who was seen lately is left")
    service.until(lambda: not redis.exists(keys.ERASURES), what="what workers do not own is erased, too")
    service.until_quiet()
    assert holding(redis, ANNA) == holding(redis, VISITOR) == set()
    assert len(holding(redis, BERT)) >= 4
    assert json.loads(CliRunner().invoke(app, ["health", "--json"]).stdout)["forgotten"] == len(known) - 1
    assert len(service.compacted("erasures")) >= len(known), "each is published, and the id that was merged"
    service.assert_model_is_sum_of_customers()

    worker.kill()
    service.worker(**FORGET)
    service.publish([order("carl", now(), event_id="c1"), order(VISITOR, "1998-01-01T00:00:00Z", event_id=VISITOR)])
    service.until_processed()
    service.until_quiet()
    assert service.records().keys() == {BERT, "carl"}
    assert holding(redis, ANNA) == holding(redis, VISITOR) == set()
    service.assert_model_is_sum_of_customers()


@pytest.mark.parametrize("days", ["30", "-1", "89.9"])
def test_a_retention_that_is_shorter_than_the_topics_is_refused(days, monkeypatch):
    monkeypatch.setenv("SHOAL_FORGET_AFTER_DAYS", days)
    with pytest.raises(ValidationError):
        StreamSettings()
