"""Create the topics, and compare them with what the cluster has."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType, NewTopic
from kafka.errors import KafkaError, TopicAlreadyExistsError

from events.errors import ShoalError
from events.topics import TopicSpec

__all__ = ["KafkaUnreachable", "TopicFinding", "TopicsUnfit", "check_topics", "create_topics"]


class KafkaUnreachable(ShoalError):
    """No broker answers at the address."""

    retriable = True

    def __init__(self, bootstrap: str, cause: object) -> None:
        super().__init__(
            f"no Kafka broker answers at {bootstrap} ({cause}). Is it running? Set SHOAL_KAFKA or --kafka to its address."
        )
        self.bootstrap = bootstrap


class TopicsUnfit(ShoalError):
    """The topics on the cluster are not as Shoal needs them."""


class TopicFinding(NamedTuple):
    """One topic as found: `state` is "ok", "missing" or "differs"; `detail` says how."""

    topic: str
    state: str
    detail: str


def _connect(bootstrap: str) -> KafkaAdminClient:
    try:
        return KafkaAdminClient(bootstrap_servers=bootstrap.split(","), client_id="shoal-admin")
    except (KafkaError, ValueError, OSError) as error:
        raise KafkaUnreachable(bootstrap, error) from error


def create_topics(bootstrap: str, specs: Sequence[TopicSpec]) -> list[str]:
    """Create the topics that do not exist yet and return their names; existing ones are left as they are.

    Raises KafkaUnreachable, or TopicsUnfit where the cluster refuses a topic.
    """
    admin = _connect(bootstrap)
    try:
        present = set(admin.list_topics())
        created = []
        for spec in specs:
            if spec.name in present:
                continue
            new = NewTopic(spec.name, spec.partitions, spec.replication, topic_configs=spec.config)
            try:
                admin.create_topics([new])
                created.append(spec.name)
            except TopicAlreadyExistsError:
                continue  # another process created it between the two calls
            except KafkaError as error:
                raise TopicsUnfit(f"the cluster refused topic {spec.name}: {error}") from error
        return created
    finally:
        admin.close()


def check_topics(bootstrap: str, specs: Sequence[TopicSpec]) -> list[TopicFinding]:
    """Compare each specification with the cluster; settings that the broker does not report are not compared.

    Raises KafkaUnreachable.
    """
    admin = _connect(bootstrap)
    try:
        present = set(admin.list_topics())
        names = [spec.name for spec in specs if spec.name in present]
        described = {entry["name"]: entry for entry in admin.describe_topics(names)} if names else {}
        configs = _configs(admin, names)
        return [_compare(spec, described.get(spec.name), configs.get(spec.name, {})) for spec in specs]
    finally:
        admin.close()


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


def _compare(spec: TopicSpec, found: dict[str, Any] | None, config: dict[str, str]) -> TopicFinding:
    if found is None:
        return TopicFinding(spec.name, "missing", "run `shoal topics create`")
    differences = []
    count = len(found["partitions"])
    if count != spec.partitions:
        differences.append(f"{count} partitions, not {spec.partitions}")
    differences += [
        f"{key} is {config[key]}, not {wanted}"
        for key, wanted in spec.config.items()
        if config.get(key, wanted) != wanted
    ]
    return TopicFinding(spec.name, "differs" if differences else "ok", "; ".join(differences))
