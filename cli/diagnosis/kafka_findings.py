"""What is found of Kafka: whether it lets us in, its topics, its replicas, and what this user may do."""

from collections.abc import Iterator
from typing import Any

from cli.diagnosis.finding import Finding, fine, to_change, worth_knowing
from events.settings import KafkaSettings
from events.topics.administration import KafkaUnreachable, TopicCheck, check_topics, open_admin
from events.topics.permissions import SERVICES, acl_command, missing_permissions, permissions_of, who_connects
from events.topics.specs import topic_specs

__all__ = ["kafka_findings"]

_AREA = "kafka"
_SAFE_BROKERS = 3


def kafka_findings(kafka: KafkaSettings) -> Iterator[Finding]:
    """Yield the findings; those behind a connection only where there is one."""
    try:
        with open_admin(kafka.kafka, kafka.security) as admin:
            cluster = admin.describe_cluster()
            names = set(admin.list_topics()) & {spec.name for spec in topic_specs(kafka)}
            described = admin.describe_topics(sorted(names)) if names else []
    except KafkaUnreachable as error:
        yield to_change(_AREA, "connection", str(error), "export SHOAL_KAFKA=host:port   # docs/connections.md")
        return
    yield _connection(kafka, len(cluster["brokers"]))
    yield from _permissions(kafka)
    yield from _topics(kafka)
    yield from _replicas(kafka, len(cluster["brokers"]), described)


def _connection(kafka: KafkaSettings, brokers: int) -> Finding:
    security = kafka.security
    who, _ = who_connects(kafka)
    how = " ".join(filter(None, (security.protocol, security.mechanism)))
    detail = f"{brokers} broker{'s' if brokers > 1 else ''} at {kafka.kafka} by {how}, as {who}"
    if security.protocol == "PLAINTEXT" and not kafka.kafka.startswith(("127.0.0.1", "localhost", "[::1]")):
        return worth_knowing(_AREA, "connection", f"{detail}: everybody in between reads the events",
                             "export SHOAL_KAFKA_SECURITY=SASL_SSL   # docs/connections.md")  # fmt: skip
    return fine(_AREA, "connection", detail)


def _permissions(kafka: KafkaSettings) -> Iterator[Finding]:
    for service, needs in SERVICES.items():
        missing = missing_permissions(kafka, permissions_of(kafka, needs))
        if not missing:
            yield fine(_AREA, f"permissions of {service}", f"{service} may do all that it has to")
        for each in missing:
            detail = f"{service} may not {each.operation} the {each.resource} {each.name}"
            yield to_change(_AREA, f"permissions of {service}", detail, acl_command(kafka, each))


def _topics(kafka: KafkaSettings) -> Iterator[Finding]:
    checks = check_topics(kafka.kafka, topic_specs(kafka), kafka.security)
    wrong = [check for check in checks if check.state != "ok"]
    if not wrong:
        yield fine(_AREA, "topics", f"{len(checks)} topics, with the partitions and settings that they need")
    for check in wrong:
        yield _topic(kafka, check)


def _topic(kafka: KafkaSettings, check: TopicCheck) -> Finding:
    subject = f"topic {check.topic}"
    if check.state == "missing":
        return to_change(_AREA, subject, "does not exist", "shoal topics create")
    if check.config:
        settings = ",".join(f"{name}={value}" for name, value in check.config.items())
        alter = f"--alter --entity-type topics --entity-name {check.topic} --add-config {settings}"
        return to_change(_AREA, subject, check.detail, f"kafka-configs.sh --bootstrap-server {kafka.kafka} {alter}")
    return to_change(_AREA, subject, check.detail, f"export SHOAL_PARTITIONS={check.partitions}   # or create it anew")


def _replicas(kafka: KafkaSettings, brokers: int, described: list[dict[str, Any]]) -> Iterator[Finding]:
    partitions = [(topic["name"], each) for topic in described for each in topic["partitions"]]
    fewest = min((len(each["replica_nodes"]) for _, each in partitions), default=None)
    if fewest is None:
        return
    behind = sorted({name for name, each in partitions if len(each["isr_nodes"]) < len(each["replica_nodes"])})
    if behind:
        do = f"kafka-topics.sh --bootstrap-server {kafka.kafka} --describe --under-replicated-partitions"
        yield to_change(_AREA, "replicas", f"not all replicas have caught up: {', '.join(behind)}", do)
    few = sorted({name for name, each in partitions if len(each["replica_nodes"]) < kafka.replication})
    if few:
        do = f"kafka-reassign-partitions.sh --bootstrap-server {kafka.kafka} --reassignment-json-file FILE --execute"
        yield to_change(_AREA, "replicas", f"fewer than SHOAL_REPLICATION={kafka.replication}: {', '.join(few)}", do)
    elif fewest == 1:
        do = f"export SHOAL_REPLICATION={min(_SAFE_BROKERS, brokers)}   # before `shoal topics create`"
        detail = "one copy of every event: what the broker's disk loses is lost"
        finding = to_change if brokers >= _SAFE_BROKERS else worth_knowing
        yield finding(_AREA, "replicas", detail, do)
    elif not behind:
        yield fine(_AREA, "replicas", f"{fewest} copies of each event")
