"""Create the topics, and compare them with what the cluster has."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType, NewTopic
from kafka.errors import (
    AuthorizationError,
    BrokerResponseError,
    KafkaConnectionError,
    KafkaTimeoutError,
    NodeNotReadyError,
    TopicAlreadyExistsError,
)

from events.base_error import ShoalError
from events.topics.specs import TopicSpec
from shoal_client.errors import KafkaRefuses, KafkaUnreachable
from shoal_client.kafka_connection import PLAINTEXT, connect
from shoal_client.kafka_security import KafkaSecurity

__all__ = ["KafkaRefuses", "KafkaUnreachable", "TopicCheck", "TopicsMisconfigured", "check_topics", "create_topics",
           "open_admin", "partition_counts"]  # fmt: skip


class TopicsMisconfigured(ShoalError):
    """The topics on the cluster are not as Shoal needs them."""


class TopicCheck(NamedTuple):
    """One topic as found: `state` is "ok", "missing" or "differs"; `detail` says how.

    `config` are the settings that differ, as they should be.
    """

    topic: str
    state: str
    detail: str
    partitions: int | None = None
    config: dict[str, str] = {}  # noqa: RUF012 - nobody changes it


@contextmanager
def open_admin(bootstrap: str, security: KafkaSecurity) -> Iterator[KafkaAdminClient]:
    """Open a connection for administration, and close it. Raises KafkaUnreachable, KafkaRefuses."""
    admin = connect(KafkaAdminClient, bootstrap, security, client_id="shoal-admin")
    try:
        yield admin
    except (KafkaConnectionError, KafkaTimeoutError, NodeNotReadyError) as error:
        raise KafkaUnreachable(bootstrap, error) from error
    except AuthorizationError as error:
        raise KafkaRefuses(
            f"Kafka at {bootstrap} does not allow {security.user or 'this client'} this: {error}"
        ) from error
    finally:
        admin.close()


def create_topics(bootstrap: str, specs: Sequence[TopicSpec], security: KafkaSecurity = PLAINTEXT) -> list[str]:
    """Create the topics that do not exist yet and return their names; existing ones are left as they are.

    Returns once they can be used. Raises KafkaUnreachable, or TopicsMisconfigured where the cluster refuses a topic.
    """
    with open_admin(bootstrap, security) as admin:
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
    except AuthorizationError as error:
        raise KafkaRefuses(
            f"the cluster does not allow this user to create topic {spec.name}: add the ACL Create"
        ) from error
    except BrokerResponseError as error:
        raise TopicsMisconfigured(f"the cluster refused topic {spec.name}: {error}") from error
    return True


def check_topics(bootstrap: str, specs: Sequence[TopicSpec], security: KafkaSecurity = PLAINTEXT) -> list[TopicCheck]:
    """Compare each specification with the cluster; settings that the broker does not report are not compared.

    Raises KafkaUnreachable.
    """
    with open_admin(bootstrap, security) as admin:
        present = set(admin.list_topics())
        names = [spec.name for spec in specs if spec.name in present]
        described = {entry["name"]: entry for entry in admin.describe_topics(names)} if names else {}
        configs = _configs(admin, names)
    return [_compare(spec, described.get(spec.name), configs.get(spec.name, {})) for spec in specs]


def partition_counts(bootstrap: str, specs: Sequence[TopicSpec], security: KafkaSecurity = PLAINTEXT) -> dict[str, int]:
    """Return the number of partitions that each topic has, without those that do not exist. Raises KafkaUnreachable."""
    with open_admin(bootstrap, security) as admin:
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
    wrong = {key: wanted for key, wanted in spec.config.items() if config.get(key, wanted) != wanted}
    differences += [f"{key} is {config[key]}, not {wanted}" for key, wanted in wrong.items()]
    return TopicCheck(spec.name, "differs" if differences else "ok", "; ".join(differences), count, wrong)
