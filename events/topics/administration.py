"""Create the topics, and compare them with what the cluster has."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType, NewTopic
from kafka.errors import (
    BrokerResponseError,
    KafkaConnectionError,
    KafkaTimeoutError,
    NodeNotReadyError,
    TopicAlreadyExistsError,
)

from events.base_error import ShoalError
from events.topics.specs import TopicSpec
from shoal_client.errors import KafkaUnreachable
from shoal_client.kafka_connection import connect

__all__ = ["KafkaUnreachable", "TopicCheck", "TopicsMisconfigured", "check_topics", "create_topics", "partition_counts"]


class TopicsMisconfigured(ShoalError):
    """The topics on the cluster are not as Shoal needs them."""


class TopicCheck(NamedTuple):
    """One topic as found: `state` is "ok", "missing" or "differs"; `detail` says how."""

    topic: str
    state: str
    detail: str
    partitions: int | None = None


@contextmanager
def _admin(bootstrap: str) -> Iterator[KafkaAdminClient]:
    admin = connect(KafkaAdminClient, bootstrap, client_id="shoal-admin")
    try:
        yield admin
    except (KafkaConnectionError, KafkaTimeoutError, NodeNotReadyError) as error:
        raise KafkaUnreachable(bootstrap, error) from error
    finally:
        admin.close()


def create_topics(bootstrap: str, specs: Sequence[TopicSpec]) -> list[str]:
    """Create the topics that do not exist yet and return their names; existing ones are left as they are.

    Returns once they can be used. Raises KafkaUnreachable, or TopicsMisconfigured where the cluster refuses a topic.
    """
    with _admin(bootstrap) as admin:
        present = set(admin.list_topics())
        created = [spec.name for spec in specs if spec.name not in present and _create(admin, spec)]
        admin.wait_for_topics(created)
        return created


def _create(admin: KafkaAdminClient, spec: TopicSpec) -> bool:
    """Create a topic; return False where another process has created it in the meantime."""
    try:
        admin.create_topics([NewTopic(spec.name, spec.partitions, spec.replication, topic_configs=spec.config)])
    except TopicAlreadyExistsError:
        return False
    except BrokerResponseError as error:
        raise TopicsMisconfigured(f"the cluster refused topic {spec.name}: {error}") from error
    return True


def check_topics(bootstrap: str, specs: Sequence[TopicSpec]) -> list[TopicCheck]:
    """Compare each specification with the cluster; settings that the broker does not report are not compared.

    Raises KafkaUnreachable.
    """
    with _admin(bootstrap) as admin:
        present = set(admin.list_topics())
        names = [spec.name for spec in specs if spec.name in present]
        described = {entry["name"]: entry for entry in admin.describe_topics(names)} if names else {}
        configs = _configs(admin, names)
    return [_compare(spec, described.get(spec.name), configs.get(spec.name, {})) for spec in specs]


def partition_counts(bootstrap: str, specs: Sequence[TopicSpec]) -> dict[str, int]:
    """Return the number of partitions that each topic has, without those that do not exist. Raises KafkaUnreachable."""
    with _admin(bootstrap) as admin:
        present = set(admin.list_topics())
        names = [spec.name for spec in specs if spec.name in present]
        described = admin.describe_topics(names) if names else []
        return {entry["name"]: len(entry["partitions"]) for entry in described}


def _configs(admin: KafkaAdminClient, names: list[str]) -> dict[str, dict[str, str]]:
    if not names:
        return {}
    resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
    answer: dict[str, Any] = admin.describe_configs(resources, config_filter="all")
    by_name = answer.get("topic", answer.get("TOPIC", answer))
    return {
        name: {key: str(entry["value"] if isinstance(entry, dict) else entry) for key, entry in config.items()}
        for name, config in by_name.items()
    }


def _compare(spec: TopicSpec, found: dict[str, Any] | None, config: dict[str, str]) -> TopicCheck:
    if found is None:
        return TopicCheck(spec.name, "missing", "run `shoal topics create`")
    differences = []
    count = len(found["partitions"])
    if count != spec.partitions:
        differences.append(f"{count} partitions, not {spec.partitions}")
    differences += [
        f"{key} is {config[key]}, not {wanted}"
        for key, wanted in spec.config.items()
        if config.get(key, wanted) != wanted
    ]
    return TopicCheck(spec.name, "differs" if differences else "ok", "; ".join(differences), count)
