"""docs/privacy.md says of every topic what it holds of a person, and of every key in Redis with a customer in it."""

from pathlib import Path

import pytest

from events.settings import KafkaSettings
from events.topics.specs import topic_specs
from state.store import keys

PAGE = (Path(__file__).parents[3] / "docs" / "privacy.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("topic", [each.name for each in topic_specs(KafkaSettings(topic_prefix=""))])
def test_it_names_every_topic(topic):
    assert f"`{topic}`" in PAGE


@pytest.mark.parametrize(
    "name",
    [
        *(of(0).partition(":")[0] for of in (keys.customers, keys.profiles, keys.outbox, keys.erased, keys.erasing)),
        *(of(0, "x").partition(":")[0] for of in (keys.merged, keys.handovers, keys.aliases, keys.exposed)),
        *(of("x").partition(":")[0] for of in (keys.segment, keys.suppressed, keys.deliveries, keys.contacts)),
        *(keys.purchases(0).partition(":")[0], keys.IDENTITIES.partition(":")[0]),
        *(keys.DEAD_DELIVERIES, keys.ATTEMPTS, keys.ERASURES),
    ],
)
def test_it_names_every_key_with_a_customer_in_it(name):
    assert f"`{name}" in PAGE
