"""Each service with a user of its own in Kafka and Redis, whose rights are those that `shoal topics acls` prints."""

import json
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
import redis as redis_py
from confluent_kafka import KafkaException, Producer
from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)
from typer.testing import CliRunner

from api.access.api_keys import KeyStore
from api.access.scopes import Scope
from cli.local.embedded import free_port, port_open
from cli.main import app
from experiments import Experiment
from shoal_client import Shoal
from state.experiments.definitions import ExperimentStore
from state.store import keys
from stream.campaigns.webhook_request import new_secret
from tests.secured_kafka import SecuredKafka, secured_kafka
from tests.service import Service, running
from tests.shop import identity, message, purchases
from tests.stream.campaigns.receiver import Receiver

pytestmark = [pytest.mark.slow, pytest.mark.kafka]
PASSWORD = secrets.token_urlsafe()
MECHANISM = "SCRAM-SHA-512"
SERVICES = ("worker", "experiments", "triggers", "batch", "api")


@pytest.fixture(scope="module")
def broker(kafka_choice, tmp_path_factory) -> Iterator[SecuredKafka]:
    if not kafka_choice.apache:
        pytest.skip(f"needs users and an authorizer; this is {kafka_choice.name}")
    with secured_kafka(tmp_path_factory.mktemp("secured-kafka")) as started:
        yield started


@pytest.fixture
def printed(broker, topic_prefix, monkeypatch):
    """What the command prints."""
    monkeypatch.setenv("SHOAL_KAFKA", broker.address("PLAINTEXT"))
    monkeypatch.setenv("SHOAL_TOPIC_PREFIX", topic_prefix)
    monkeypatch.setenv("SHOAL_PARTITIONS", "4")
    return json.loads(CliRunner().invoke(app, ["topics", "acls", "--json"]).stdout)


def make_users(broker, printed, client):
    admin = AdminClient({"bootstrap.servers": broker.address("PLAINTEXT")})
    for user in {each["user"] for each in printed["kafka"]}:
        info = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096)
        asked = admin.alter_user_scram_credentials([UserScramCredentialUpsertion(user, info, PASSWORD.encode())])
        asked[user].result(20)
    bindings = [
        AclBinding(
            ResourceType[each["resource"].upper()], name,
            ResourcePatternType.PREFIXED if each["prefixed"] else ResourcePatternType.LITERAL,
            f"User:{each['user']}", "*", AclOperation[operation], AclPermissionType.ALLOW,
        )
        for each in printed["kafka"]
        for name in each["names"]
        for operation in each["operations"]
    ]  # fmt: skip
    for done in admin.create_acls(bindings).values():
        done.result(20)
    for each in printed["redis"]:
        client.execute_command("ACL", "SETUSER", each["user"], "on", f">{PASSWORD}", *each["rules"])


def kafka_of(broker, user):
    return {
        "SHOAL_KAFKA": broker.address("SASL_SSL"), "SHOAL_KAFKA_SECURITY": "SASL_SSL",
        "SHOAL_KAFKA_USER": f"shoal-{user}", "SHOAL_KAFKA_PASSWORD": PASSWORD, "SHOAL_KAFKA_MECHANISM": MECHANISM,
        "SHOAL_KAFKA_CA": str(broker.certificates.ca),
    }  # fmt: skip


def producer(broker, user):
    return Producer(
        {
            "bootstrap.servers": broker.address("SASL_SSL"), "security.protocol": "SASL_SSL",
            "sasl.mechanism": MECHANISM, "sasl.username": f"shoal-{user}", "sasl.password": PASSWORD,
            "ssl.ca.location": str(broker.certificates.ca), "message.timeout.ms": 20_000,
            "partitioner": "murmur2_random",
        }
    )  # fmt: skip


def publish(broker, user, prefix, messages):
    """Publish as a publisher; raises KafkaException where a topic is not its own."""
    sent, failures = producer(broker, user), []
    for each in messages:
        sent.produce(
            prefix + each.topic, each.value, each.key, on_delivery=lambda error, _: error and failures.append(error)
        )
    sent.flush(30)
    if failures:
        raise KafkaException(failures[0])


def test_each_service_runs_with_the_rights_that_are_printed_for_it(
    broker, printed, own_redis, topic_prefix, tmp_path, monkeypatch
):
    url = own_redis().url
    client = redis_py.Redis.from_url(url)
    make_users(broker, printed, client)
    with (
        Receiver(new_secret()) as receiver,
        running(Service(broker.address("PLAINTEXT"), url, topic_prefix, tmp_path)) as service,
    ):
        service.environment |= {"SHOAL_FIRST_CUSTOMERS": "10", "SHOAL_FIRST_HISTORY_DAYS": "0"}
        for name, value in service.environment.items():
            monkeypatch.setenv(name, value)
        banner = {
            "id": "e",
            "variants": [{"name": "A"}, {"name": "B"}],
            "control": "A",
            "start": "1997-01-01T00:00:00Z",
        }
        ExperimentStore(client).create("e", Experiment.model_validate(banner).model_dump_json())
        added = ["trigger", "add", "t", "--url", receiver.url, "--secret", receiver.secret, "--cap", "9"]
        assert CliRunner().invoke(app, added).exit_code == 0
        port, children = free_port(), []
        for name in SERVICES:
            where = url.replace("redis://", f"redis://shoal-{name}:{PASSWORD}@")
            more = ("--port", str(port)) if name == "api" else ()
            children.append(service.spawn(name, *more, **kafka_of(broker, name), SHOAL_REDIS=where))
        publish(broker, "publisher-shop", topic_prefix, purchases()[:300])
        seen = {"experiment": "e", "variant": "B"}
        at = "1998-01-01T00:00:00Z"
        publish(broker, "publisher-website", topic_prefix,
                [message("exposures", event_id="x", customer_id="C1", occurred_at=at, **seen)])  # fmt: skip
        publish(broker, "publisher-crm", topic_prefix, [identity("C1", "C2", "1998-01-04T00:00:00Z")])
        with pytest.raises(KafkaException, match="Topic authorization failed"):
            publish(broker, "publisher-crm", topic_prefix, purchases()[:1])
        waiting = ["wait", "--timeout", "5"]
        service.until(lambda: CliRunner().invoke(app, waiting).exit_code == 0, 30, what="all events are processed")
        service.until(lambda: receiver.taken, 40, what="webhooks are called")
        service.until(lambda: service.moved_over(1), 40, what="the first baseline of the batch service is live")
        assert CliRunner().invoke(app, ["erase", "C2", "--timeout", "60"]).exit_code == 0
        service.until(lambda: port_open(port), what="the API listens")
        key = KeyStore(client).create("test", [Scope.ADMIN], datetime.now(UTC)).token
        customer = next(iter(service.records()))
        with Shoal(f"http://127.0.0.1:{port}", key) as shoal:
            assert shoal.segment(customer) is not None
        service.until(lambda: client.exists(keys.EXPERIMENT_WORKERS), what="the experiment consumer beats")
        refused = [(each["username"], each["reason"], each["object"]) for each in client.acl_log()]
        assert refused == []
        for child in children:
            assert child.running, child.log_tail(30)
            assert "NOPERM" not in child.log.read_text(), child.service
            assert "uthorization" not in child.log.read_text(), child.service
    reader = redis_py.Redis.from_url(url.replace("redis://", f"redis://shoal-reader:{PASSWORD}@"))
    assert reader.get(keys.segment(customer))
    for wrong in (lambda: reader.hgetall(keys.API_KEYS), lambda: reader.delete(keys.segment(customer))):
        with pytest.raises(redis_py.exceptions.NoPermissionError):
            wrong()
    worker = redis_py.Redis.from_url(url.replace("redis://", f"redis://shoal-worker:{PASSWORD}@"))
    for wrong in (
        worker.flushall,
        worker.keys,
        lambda: worker.get("api:session:x"),
        lambda: worker.config_set("a", "b"),
    ):
        with pytest.raises(redis_py.exceptions.NoPermissionError):
            wrong()
