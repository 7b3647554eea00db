"""Kafka's ACLs for each service and each kind of publisher: no more than it needs."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from events.settings import KafkaSettings
from events.topics.permissions import SERVICES, Needs, permissions_of
from events.topics.specs import topic_specs

__all__ = ["PUBLISHERS", "TopicAcl", "acl_commands", "topic_acls"]

PUBLISHERS: Final = {
    "publisher-shop": Needs(writes=("orders",)),
    "publisher-website": Needs(writes=("web-sessions", "exposures", "conversions")),
    "publisher-crm": Needs(writes=("customers", "identities")),
    "reader": Needs(reads=("segment-changes",), groups=("reader",)),
}
"""Programs of the shop by kind; `reader` is whoever follows segment changes, in consumer groups that begin so."""
_READERS: Final = (
    "entry-log", "erasure-log", "change-log", "customer-messages", "dead-letter-log", "lag", "model-feed",
    "change-tail",
)  # fmt: skip
"""Groups that no service joins: librdkafka wants a name, and Kafka the right to it, also where no offset is kept."""
_LEADER: Final = "shoal-segments"
"""How the topic begins by which workers elect their leader; its application makes it."""


class TopicAcl(NamedTuple):
    """What a user may do with topics or groups: `names` are whole names, or beginnings where `prefixed`."""

    user: str
    operations: tuple[str, ...]
    resource: str
    names: tuple[str, ...]
    prefixed: bool = False


def topic_acls(kafka: KafkaSettings, user_prefix: str) -> Iterator[TopicAcl]:
    """Yield the ACLs of all services and publishers; a user's name is the prefix and the service's."""
    every = tuple(spec.name for spec in topic_specs(kafka))
    for service, needs in SERVICES.items():
        user = f"{user_prefix}{service}"
        used = {kafka.topic(name) for name in (*needs.reads, *needs.writes)}
        yield TopicAcl(user, ("DESCRIBE",), "topic", tuple(name for name in every if name not in used))
        yield from _of(kafka, user, needs)
        yield TopicAcl(user, ("READ",), "group", tuple(map(kafka.topic, _READERS)))
    leader = (kafka.topic(_LEADER),)
    yield TopicAcl(f"{user_prefix}worker", ("CREATE", "DESCRIBE", "READ", "WRITE"), "topic", leader, prefixed=True)
    for kind, needs in PUBLISHERS.items():
        yield from _of(kafka, f"{user_prefix}{kind}", needs, prefixed_groups=True)
    admin = ("CREATE", "DESCRIBE", "DESCRIBE_CONFIGS", "ALTER", "ALTER_CONFIGS")
    yield TopicAcl(f"{user_prefix}admin", admin, "topic", every)


def _of(kafka: KafkaSettings, user: str, needs: Needs, *, prefixed_groups: bool = False) -> Iterator[TopicAcl]:
    operations: dict[tuple[str, str], list[str]] = {}
    for each in permissions_of(kafka, needs):
        operations.setdefault((each.resource, each.name), []).append(each.operation)
    alike: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for (resource, name), wanted in operations.items():
        alike.setdefault((resource, tuple(wanted)), []).append(name)
    for (resource, wanted_all), names in alike.items():
        yield TopicAcl(user, wanted_all, resource, tuple(names), prefixed=prefixed_groups and resource == "group")


def acl_commands(kafka: KafkaSettings, acls: Iterator[TopicAcl]) -> Iterator[str]:
    """Yield the commands that give these permissions."""
    for each in acls:
        operations = " ".join(f"--operation {_as_typed(name)}" for name in each.operations)
        pattern = " --resource-pattern-type prefixed" if each.prefixed else ""
        names = " ".join(f"--{each.resource} {name}" for name in each.names)
        yield (
            f"kafka-acls.sh --bootstrap-server {kafka.kafka} --command-config admin.properties --add "
            f"--allow-principal User:{each.user} {operations}{pattern} {names}"
        )


def _as_typed(operation: str) -> str:
    """Return an operation as `kafka-acls.sh` writes it.

    >>> _as_typed("DESCRIBE_CONFIGS")
    'DescribeConfigs'
    """
    return operation.title().replace("_", "")
