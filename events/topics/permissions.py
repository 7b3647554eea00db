"""What each service may have to do with which topic and consumer group, and what is said where Kafka forbids it."""

from collections.abc import Collection, Iterable, Iterator
from typing import Any, Final, NamedTuple

from kafka import KafkaAdminClient
from kafka.errors import GroupAuthorizationFailedError, KafkaError, TopicAuthorizationFailedError

from events.settings import KafkaSettings
from events.topics.administration import open_admin
from events.topics.specs import EXPERIMENT_INPUTS, EXPERIMENT_TOPICS, SEGMENT_INPUTS, SEGMENT_TOPICS, merges_topic
from shoal_client.errors import KafkaRefuses

__all__ = ["SERVICES", "Needs", "Permission", "acl_command", "forbidden", "missing_permissions", "permissions_of",
           "require_permissions", "who_connects"]  # fmt: skip


class Permission(NamedTuple):
    """One operation, in the words of Kafka's ACLs: READ of the topic t-orders (full names)."""

    operation: str
    resource: str
    name: str


class Needs(NamedTuple):
    """Topics (names without prefix) that a service reads and writes, and consumer groups that it joins."""

    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()


_ENTERED: Final = ("entries", "erasures")

SERVICES: Final = {
    "worker": Needs(
        (*SEGMENT_TOPICS, "segment-changes", "baselines", "models", *_ENTERED),
        (
            *SEGMENT_INPUTS,
            "segment-changes",
            "dead-letters",
            "models",
            "baselines",
            merges_topic("segments"),
            merges_topic("experiments"),
            *_ENTERED,
        ),
        ("segments", "shoal-segments"),
    ),
    "experiments": Needs(
        (*EXPERIMENT_TOPICS, *_ENTERED),
        (*EXPERIMENT_INPUTS, "dead-letters", merges_topic("experiments"), "entries"),
        ("experiments",),
    ),
    "triggers": Needs(("segment-changes", *_ENTERED), ("entries",), ("triggers",)),
    "batch": Needs((), ("baselines",)),
    "api": Needs(
        (*SEGMENT_TOPICS, *EXPERIMENT_TOPICS, "segment-changes", "dead-letters", *_ENTERED),
        (*SEGMENT_INPUTS, *EXPERIMENT_INPUTS, "identities", "dead-letters", "baselines", *_ENTERED),
    ),
}
"""By the command that runs it; it also describes all topics."""


def permissions_of(kafka: KafkaSettings, needs: Needs) -> Iterator[Permission]:
    """Yield what a service needs, by full names."""
    for topic in dict.fromkeys((*needs.reads, *needs.writes)):
        yield Permission("DESCRIBE", "topic", kafka.topic(topic))
    for topic in dict.fromkeys(needs.reads):
        yield Permission("READ", "topic", kafka.topic(topic))
    for topic in dict.fromkeys(needs.writes):
        yield Permission("WRITE", "topic", kafka.topic(topic))
    for group in needs.groups:
        yield Permission("READ", "group", kafka.topic(group))


def missing_permissions(kafka: KafkaSettings, wanted: Iterable[Permission]) -> list[Permission]:
    """Return those of the permissions that Kafka does not give this user. Raises KafkaUnreachable, KafkaRefuses.

    What a broker does not tell is taken for given: the operation itself will say.
    """
    asked = list(wanted)
    topics = list(dict.fromkeys(each.name for each in asked if each.resource == "topic"))
    groups = list(dict.fromkeys(each.name for each in asked if each.resource == "group"))
    with open_admin(kafka.kafka, kafka.security) as admin:
        found = {each["name"]: each for each in admin.describe_topics(topics)} if topics else {}
        closed = {group for group in groups if not _may_join(admin, group)}
    return [
        each
        for each in asked
        if (each.name in closed if each.resource == "group" else not _may(found.get(each.name, {}), each.operation))
    ]


def require_permissions(kafka: KafkaSettings, wanted: Iterable[Permission]) -> None:
    """Raise KafkaRefuses where Kafka does not give this user all of the permissions, KafkaUnreachable."""
    if missing := missing_permissions(kafka, wanted):
        raise forbidden(kafka, missing)


def _may(topic: dict[str, Any], operation: str) -> bool:
    if topic.get("error_code") == TopicAuthorizationFailedError.errno:
        return False
    allowed = topic.get("authorized_operations")
    return not allowed or operation in allowed


def _may_join(admin: KafkaAdminClient, group: str) -> bool:
    try:
        admin.describe_groups([group])
    except GroupAuthorizationFailedError:
        return False
    except KafkaError:
        return True  # it is about something else, which joining will show
    return True


def who_connects(kafka: KafkaSettings) -> tuple[str, str]:
    """Return the user of the settings, in words and as Kafka's ACLs name one."""
    if kafka.security.by_token:
        return "the user of the token", "User:THE-SUBJECT-OF-THE-TOKEN"
    if kafka.security.sasl:
        return f"the user {kafka.security.user!r}", f"User:{kafka.security.user}"
    if kafka.security.certificate:
        return f"the owner of {kafka.security.certificate}", "User:THE-SUBJECT-OF-THE-CERTIFICATE"
    return "a client without a user", "User:ANONYMOUS"


def forbidden(kafka: KafkaSettings, missing: Collection[Permission]) -> KafkaRefuses:
    """Return what to raise where Kafka lets this client in, but not do some things."""
    who, _ = who_connects(kafka)
    said = ", ".join(f"{each.operation} the {each.resource} {each.name}" for each in missing)
    return KafkaRefuses(
        f"Kafka at {kafka.kafka}: {who} is not allowed to {said}: add the ACL "
        f"({'; '.join(dict.fromkeys(acl_command(kafka, each) for each in missing))})"
    )


def acl_command(kafka: KafkaSettings, missing: Permission) -> str:
    """Return the command that gives a permission."""
    _, principal = who_connects(kafka)
    return (
        f"kafka-acls.sh --bootstrap-server {kafka.kafka} --add --allow-principal {principal} "
        f"--operation {missing.operation.title()} --{missing.resource} {missing.name}"
    )
