"""The plan of the topics."""

import pytest

from events.schema.inputs import INPUTS
from events.schema.outputs import OUTPUTS
from events.settings import KafkaSettings
from events.topics.specs import SEGMENT_INPUTS, topic_specs

DAY_MS = 86_400_000


def plan(**settings):
    return {spec.name: spec for spec in topic_specs(KafkaSettings(**settings))}


@pytest.mark.parametrize("partitions", [1, 8, 48])
def test_inputs_of_a_customers_state_have_equal_partitions(partitions):
    specs = plan(partitions=partitions)
    assert {specs[topic].partitions for topic in SEGMENT_INPUTS} == {partitions}


def test_there_is_a_topic_for_every_model():
    assert plan().keys() >= INPUTS.keys() | OUTPUTS.keys()
    assert set(SEGMENT_INPUTS) <= INPUTS.keys()


def test_prefix_stands_before_every_name():
    assert plan(topic_prefix="staging-").keys() == {f"staging-{name}" for name in plan()}


def test_replicas_are_those_of_the_settings_and_one_may_be_down():
    assert {spec.replication for spec in plan(replication=3).values()} == {3}
    assert {spec.config["min.insync.replicas"] for spec in plan(replication=3).values()} == {"2"}
    assert {spec.config["min.insync.replicas"] for spec in plan(replication=1).values()} == {"1"}


@pytest.mark.parametrize("topic", INPUTS)
def test_inputs_are_kept_for_thirty_days(topic):
    config = plan()[topic].config
    assert (config["cleanup.policy"], config["retention.ms"]) == ("delete", str(30 * DAY_MS))


@pytest.mark.parametrize("topic", ["models", "baselines"])
def test_newest_of_what_workers_follow_is_kept_forever(topic):
    spec = plan()[topic]
    assert (spec.config["cleanup.policy"], spec.partitions) == ("compact", 1)


def test_refused_events_fit_into_the_dead_letters():
    largest_setting = 8 << 20
    in_base64 = largest_setting * 4 // 3
    assert int(plan()["dead-letters"].config["max.message.bytes"]) > in_base64
    with pytest.raises(ValueError, match="max_event_bytes"):
        KafkaSettings(max_event_bytes=largest_setting + 1)
