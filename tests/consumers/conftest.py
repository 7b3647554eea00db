"""Topics of a test's own on the session's broker."""

import pytest

from events.settings import KafkaSettings
from events.topics.administration import create_topics
from events.topics.specs import topic_specs


@pytest.fixture
def settings(kafka, topic_prefix):
    found = KafkaSettings(kafka=kafka, topic_prefix=topic_prefix, partitions=2)
    create_topics(kafka, topic_specs(found))
    return found
