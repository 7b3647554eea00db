"""Check at start that the topics are there with the partitions that they need, and say what to do where not."""

from collections.abc import Collection, Mapping, Sequence

from events.settings import KafkaSettings
from events.topics.administration import TopicsMisconfigured, partition_counts
from events.topics.permissions import Needs, Permission, permissions_of, require_permissions
from events.topics.specs import TopicSpec, topic_specs

__all__ = ["partition_problem", "require_topics"]


def require_topics(kafka: KafkaSettings, names: Collection[str] | None = None, needs: Needs | None = None) -> None:
    """Check that topics (names without prefix; None: all) exist, each with its number of partitions.

    Where Kafka knows users, check that this one may do what it `needs`, and see the topics. Other settings are not
    looked at: `shoal topics check` compares them. Raises TopicsMisconfigured, KafkaUnreachable, KafkaRefuses.
    """
    specs = topic_specs(kafka)
    wanted = None if names is None else set(map(kafka.topic, names))
    if kafka.security.protocol != "PLAINTEXT":
        seen = [Permission("DESCRIBE", "topic", spec.name) for spec in specs if wanted is None or spec.name in wanted]
        require_permissions(kafka, dict.fromkeys([*seen, *permissions_of(kafka, needs or Needs())]))
    problem = partition_problem(kafka.kafka, specs, partition_counts(kafka.kafka, specs, kafka.security), wanted)
    if problem is not None:
        raise TopicsMisconfigured(problem)


def partition_problem(
    bootstrap: str, specs: Sequence[TopicSpec], found: Mapping[str, int], wanted: Collection[str] | None = None
) -> str | None:
    """Return which of the wanted topics (full names; None: all) are missing or differ, and the hint that fits.

    `found` are the partitions of all topics that exist: whether the setting is wrong or a topic, the others tell.
    """
    asked = [spec for spec in specs if wanted is None or spec.name in wanted]
    missing = [spec.name for spec in asked if spec.name not in found]
    if missing:
        return f"there is no topic {', '.join(missing)} on {bootstrap}; run `shoal topics create`"
    differing = [spec for spec in asked if found[spec.name] != spec.partitions]
    if not differing:
        return None
    of_customers = {found[spec.name] for spec in specs if spec.by_customer and spec.name in found}
    return _what_to_do(bootstrap, differing[0], found[differing[0].name], of_customers)


def _what_to_do(bootstrap: str, spec: TopicSpec, count: int, of_customers: set[int]) -> str:
    """Return what is wrong with a topic; `of_customers` are the numbers of partitions of all topics by customer."""
    has = f"topic {spec.name} on {bootstrap} has {count} partitions where {spec.partitions} are expected"
    if spec.by_customer and of_customers == {count}:
        return f"{has}, as have all topics of customers: set SHOAL_PARTITIONS={count}, which they were created with"
    so = "customers would be in other partitions than in the other topics" if spec.by_customer else "one alone is read"
    return (
        f"{has}, so {so}; `shoal topics create` has not created it. Delete the topic, run `shoal topics create`, and "
        "publish what it held again; `shoal topics check` compares all topics"
    )
