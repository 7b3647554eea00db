"""Topics that are missing or have other partitions are named, with the hint that fits."""

import pytest

from events.settings import KafkaSettings
from events.topics.administration import TopicsMisconfigured, create_topics
from events.topics.required_topics import partition_problem, require_topics
from events.topics.specs import topic_specs

SPECS = topic_specs(KafkaSettings(partitions=8))
RIGHT = {spec.name: spec.partitions for spec in SPECS}


def problem(wanted=None, **changed):
    found = RIGHT | {name.replace("_", "-"): count for name, count in changed.items()}
    return partition_problem("kafka:9092", SPECS, {name: n for name, n in found.items() if n}, wanted)


def test_what_is_as_it_should_be_is_no_problem():
    assert problem() is None


def test_missing_topics_are_named_first():
    said = problem(orders=0, models=0, exposures=3)
    assert said == "there is no topic orders, models on kafka:9092; run `shoal topics create`"


def test_where_all_topics_of_customers_agree_the_setting_is_wrong():
    said = problem(**{spec.name: 64 for spec in SPECS if spec.by_customer})
    assert said.startswith("topic orders on kafka:9092 has 64 partitions where 8 are expected")
    assert "set SHOAL_PARTITIONS=64" in said


def test_where_one_differs_from_the_others_the_topic_is_wrong():
    said = problem(orders=64)
    assert "SHOAL_PARTITIONS" not in said
    assert "topic orders on kafka:9092 has 64 partitions where 8 are expected" in said
    assert "Delete the topic, run `shoal topics create`" in said


def test_a_topic_of_one_partition_is_never_a_matter_of_the_setting():
    said = problem(models=8)
    assert "topic models on kafka:9092 has 8 partitions where 1 are expected, so one alone is read" in said
    assert "SHOAL_PARTITIONS" not in said


def test_only_the_wanted_topics_matter():
    assert problem({"orders"}, models=8, web_sessions=0) is None
    assert "topic orders" in problem({"orders"}, orders=64)


def test_a_cluster_is_asked(kafka, topic_prefix):
    settings = KafkaSettings(kafka=kafka, topic_prefix=topic_prefix, partitions=3)
    with pytest.raises(TopicsMisconfigured, match="there is no topic"):
        require_topics(settings)
    create_topics(kafka, topic_specs(settings))
    require_topics(settings)
    with pytest.raises(TopicsMisconfigured, match="set SHOAL_PARTITIONS=3"):
        require_topics(settings.model_copy(update={"partitions": 8}), ["orders"])
