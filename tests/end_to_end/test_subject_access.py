"""The export of a person: every key of a Redis that a real shop filled which holds the id is in the document."""

import inspect
import json
import stat

import pytest
from typer.testing import CliRunner

from cli.main import app
from events.topics.partitioning import partition_of
from experiments import Experiment
from state.campaigns.deliveries import DeadDelivery, Delivery
from state.campaigns.suppressions import ALL, SuppressionStore
from state.experiments.definitions import ExperimentStore
from state.store import keys
from stream.campaigns.webhook_request import new_secret
from tests.deployment import Message
from tests.shop import identity, message, order, purchases
from tests.stream.campaigns.receiver import Receiver

ANNA, VISITOR = "anna-export-25", "visitor-export-25"

HOLD_NO_IDS = {
    "SEGMENTS_GROUP", "EXPERIMENTS_GROUP", "TRIGGERS_GROUP", "IDENTITIES_PARTITION", "BASELINE_CURRENT",
    "BASELINE_LAST", "MODEL_CURRENT", "FORMAT", "TRIGGERS", "API_KEYS", "ENTRIES", "ENTRIES_LOCK", "DELIVERIES_NEXT",
    "REPLAYED", "DELETED_LETTERS", "WORKERS", "EXPERIMENT_WORKERS", "TRIGGER_WORKERS", "EXPERIMENTS",
    "EXPERIMENT_SUMMARIES", "EFFECT_SERIES_TURN", "SUPPRESSED_SCOPES", "BATCH_LOCK", "ERASURE_LOCK", "PROBE",
    "SKIPPED_MESSAGES", "FAILING_JOBS", "ACCEPTED_GAPS", "FORGOTTEN", "DRIFT", "DRIFT_OBSERVATIONS", "offsets", "logs",
    "epoch", "outcome_counts", "flows", "model", "tally", "experiment", "effect_series", "reached_decisions",
    "deliveries_due", "baseline", "baseline_report", "sealing_key", "deliveries_seen", "erased",  # these two: hashes
}  # fmt: skip
TOLD = {
    "customers", "profiles", "outbox", "merged", "merging", "handovers", "aliases", "IDENTITIES", "erasing", "ERASURES",
    "purchases", "exposed", "enrolled", "suppressed", "deliveries", "contacts", "segment", "segments",
    "DEAD_DELIVERIES", "ATTEMPTS",
}  # fmt: skip


def test_every_kind_of_key_is_told_of_or_holds_no_ids():
    """A new kind of key has to be put into the export, or into the list of those that hold nothing of a person."""
    names = {name for name, value in vars(keys).items() if not name.startswith("_") and _is_a_key(value)}
    assert names == HOLD_NO_IDS | TOLD
    assert not HOLD_NO_IDS & TOLD


def _is_a_key(value):
    return isinstance(value, (str, int)) or (inspect.isfunction(value) and value.__module__ == keys.__name__)


@pytest.fixture
def shoal(service, monkeypatch):
    for name, value in service.environment.items():
        monkeypatch.setenv(name, value)

    def run(*arguments, code=0):
        ran = CliRunner().invoke(app, [*arguments])
        assert ran.exit_code == code, (ran.output, ran.exception)
        return ran

    return run


def events():
    """A person under two ids, in everything that Shoal reads."""
    profile = {"age": 30, "country": "NL", "consent": {"marketing": True}}
    at = "1998-01-01T00:00:00Z"
    seen = {"experiment": "banner", "variant": "B"}
    session = {"session_id": "s1", "started_at": at, "duration_s": 60, "pages": 7, "cart_adds": 2}
    return [
        *(order(name, f"1998-01-{day:02}T00:00:00Z", 12.5, event_id=f"{name}{day}") for name in (ANNA, VISITOR)
          for day in (2, 3)),
        message("customers", event_id="p", customer_id=ANNA, occurred_at=at, **profile),
        message("exposures", event_id="x", customer_id=ANNA, occurred_at=at, **seen),
        message("exposures", event_id="y", customer_id="bert", occurred_at=at, **seen),
        message("web-sessions", event_id="w", customer_id=VISITOR, occurred_at="1998-01-01T00:01:00Z", **session),
        Message("orders", ANNA, b'{"customer_id": "anna-export-25", "amount": "much"}'),
        Message("orders", "bert", b'{"customer_id": "bert", "amount": "much"}'),
    ]  # fmt: skip


def holding(redis, *texts):
    """The keys that hold a text, in their name or anywhere in what they store."""
    held = {key: redis.dump(key) or b"" for key in redis.scan_iter(count=10_000)}
    return {key.decode() for key, value in held.items() if any(text.encode() in key + value for text in texts)}


def fill(service, shoal, receiver):
    redis = service.redis
    shoal("trigger", "add", "all", "--url", receiver.url, "--secret", receiver.secret, "--cap", "3")
    banner = {
        "id": "banner",
        "variants": [{"name": "A"}, {"name": "B"}],
        "control": "A",
        "start": "1997-01-01T00:00:00Z",
    }
    ExperimentStore(redis).create("banner", Experiment.model_validate(banner).model_dump_json())
    for name in ("worker", "experiments", "triggers"):
        service.spawn(name)
    service.publish([*purchases()[:200], *events()])
    shoal("wait")
    service.publish([identity(VISITOR, ANNA, "1998-01-04T00:00:00Z")])
    shoal("wait")
    service.until_quiet()
    service.until(lambda: redis.xlen(keys.ATTEMPTS) and redis.exists(keys.contacts(ANNA)), what="webhooks were called")
    SuppressionStore(redis).add(ALL, [VISITOR, "bert"])
    of_bert_too = Delivery(id="d", trigger="all", change_id="1", customer_id="bert", also_names=[ANNA], segment_id=None,
                           body="", changed_ms=0)  # fmt: skip
    dead = DeadDelivery(delivery=of_bert_too, died_ms=1, reason="gone")
    redis.hset(keys.DEAD_DELIVERIES, "d", dead.model_dump_json())
    redis.hset(keys.deliveries("all"), "e", of_bert_too.model_copy(update={"id": "e"}).model_dump_json())


def test_the_export_tells_of_every_key_that_holds_the_person(service, shoal, tmp_path):
    redis = service.redis
    redis.config_set("rdbcompression", "no")  # so that DUMP shows what is stored
    with Receiver(new_secret()) as receiver:
        fill(service, shoal, receiver)
        told = json.loads(shoal("export", "customer", VISITOR, "--events").stdout)
        held = holding(redis, ANNA, VISITOR)
    assert held - told["redis_keys"].keys() == set()
    home = partition_of(ANNA, service.kafka.partitions)
    assert {keys.exposed(home, "banner"), keys.contacts(ANNA), keys.segment(ANNA)} <= held
    assert set(told["redis_keys"].values()) <= told.keys()
    assert all(told[section] for section in told["redis_keys"].values())

    assert (told["customer_id"], told["requested_id"], told["ids"]) == (ANNA, VISITOR, [ANNA, VISITOR])
    assert told["customer"]["record"]["orders"] == 4
    assert [each["amount"] for each in told["customer"]["record"]["order_book"]] == [12.5] * 4
    assert (told["customer"]["record"]["sessions"], told["sessions"][0]["pages"]) == (1, 7)
    assert told["customer"]["profile"]["country"] == "NL"
    share = next(each for each in told["exposures"] if each["customer_id"] == ANNA)
    assert (share["experiment"], share["variant"], share["orders"], share["revenue"]) == ("banner", "B", 4, 50.0)
    assert {each["experiment"] for each in told["enrolments"]} == {"banner"}
    assert sum(each["amount"] for each in told["purchases"]) == 50.0
    assert told["suppressions"] == [{"customer_id": VISITOR, "scope": "all"}]
    assert {each["merged_into"] for each in told["merges"]} == {ANNA}
    assert {each["customer_id"] for each in told["segment_changes"]} >= {ANNA}
    assert [each["value"] for each in told["dead_letters"]] == ['{"customer_id": "anna-export-25", "amount": "much"}']
    assert {each["id"] for each in told["deliveries"]} == {"d", "e"}
    assert {each["outcome"] for each in told["attempts"]} == {"delivered"}
    assert len(told["events"]) == 8
    assert sum("bert" in json.dumps(section) for section in told.values()) == 1, "only in the delivery that names both"

    file = tmp_path / "anna.json"
    shoal("export", "customer", ANNA, "--to", str(file))
    written = json.loads(file.read_bytes())
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert written["redis_keys"] == told["redis_keys"]
    assert written["events"] is None
    assert isinstance(shoal("export", "customer", "nobody", code=1).exception, Exception)
