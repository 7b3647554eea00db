"""Invariants 4 and 10: of two groups that read a topic, one puts misplaced events right and writes dead letters."""

from confluent_kafka import Producer

from consumers.broker.consumer_lag import behind, end_offsets, stored_offsets
from consumers.broker.topic_reader import TopicReader
from consumers.dead_letters.stored_letters import Letter
from events.topics.partitioning import partitions_of
from events.topics.specs import EXPERIMENT_INPUTS
from state.partitions.watermarks_and_outcomes import read_outcome_counts
from state.store import keys
from tests.deployment import Message
from tests.shop import order

CUSTOMERS = ("anna", "bert", "carl", "dora")


def send_by_default_partitioner(service, messages):
    """Publish as a client does that left librdkafka's partitioner as it is."""
    producer = Producer({"bootstrap.servers": service.kafka.kafka, "linger.ms": 5})
    for topic, key, value, _ in messages:
        producer.produce(service.kafka.topic(topic), value, key)
        producer.poll(0)
    assert producer.flush(60) == 0


def until_both_are_done(service):
    """Wait until both groups have read all, and what was published again meanwhile."""

    def done():
        ends = end_offsets(service.kafka, EXPERIMENT_INPUTS)
        groups = (keys.SEGMENTS_GROUP, keys.EXPERIMENTS_GROUP)
        stored = [stored_offsets(service.redis, service.kafka.partitions, group) for group in groups]
        orders = {place: end for place, end in ends.items() if place[0] == service.kafka.topic("orders")}
        return not behind(orders, stored[0]) and not behind(ends, stored[1]) and ends

    ends = service.until(done, what="both groups have read all")
    return sum(end for (name, _), end in ends.items() if name == service.kafka.topic("orders"))


def order_outcomes(service, group):
    found = read_outcome_counts(service.redis, service.kafka.partitions, group)
    return {name.removeprefix("orders:"): count for name, count in found.items() if name.startswith("orders:")}


def test_misplaced_orders_count_once_whenever_the_second_group_starts(service):
    sent = [
        order(
            name, f"1998-01-{1 + i % 28:02d}T00:{i // 28:02d}:00Z", 1.0, event_id=f"{name}-{i}", order_id=f"{name}-{i}"
        )
        for i in range(300)
        for name in CUSTOMERS
    ]
    service.worker()
    send_by_default_partitioner(service, sent)
    service.until(lambda: order_outcomes(service, keys.SEGMENTS_GROUP).get("applied") == len(sent), what="all applied")
    service.spawn("experiments")
    consumed = until_both_are_done(service)
    again = consumed - len(sent)
    homes = partitions_of(list(CUSTOMERS), service.kafka.partitions).tolist()
    assert again > 0, homes
    assert {name: int(row["placed"]) for name, row in service.records().items()} == dict.fromkeys(CUSTOMERS, 300)
    assert order_outcomes(service, keys.SEGMENTS_GROUP) == {"applied": len(sent), "rerouted": again}
    assert order_outcomes(service, keys.EXPERIMENTS_GROUP) == {"applied": len(sent), "left_to_segments": again}


def test_an_invalid_order_has_one_dead_letter_while_both_groups_run(service):
    service.worker()
    service.spawn("experiments")
    invalid = [Message("orders", "anna", b"no order"), order("undefined", "1998-01-01T00:00:00Z")]
    service.publish([*invalid, order("bert", "1998-01-01T00:00:00Z")])
    consumed = until_both_are_done(service)
    assert consumed == len(invalid) + 1
    assert sorted(letter.reason.split(":")[0] for letter in service.dead_letters()) == ["customer_id", "not JSON"]
    assert order_outcomes(service, keys.SEGMENTS_GROUP) == {"applied": 1, "dead_lettered": 2}
    assert order_outcomes(service, keys.EXPERIMENTS_GROUP) == {"applied": 1, "left_to_segments": 2}


def test_headers_travel_along_when_an_event_is_published_again_and_into_its_dead_letter(service):
    home = int(partitions_of(["anna"], service.kafka.partitions)[0])
    headers, topic = [("traceparent", b"00-1"), ("traceparent", b"00-2")], service.kafka.topic("orders")
    good = order("anna", "1998-01-01T00:00:00Z")
    producer = Producer({"bootstrap.servers": service.kafka.kafka})
    producer.produce(topic, good.value, good.key, 1 - min(home, 1), headers=headers)
    producer.produce(topic, b"no order", b"anna", home, headers=headers)
    assert producer.flush(60) == 0
    service.worker()
    service.until(lambda: order_outcomes(service, keys.SEGMENTS_GROUP).get("applied") == 1, what="it is applied")
    service.until_processed()
    with TopicReader(service.kafka, "headers") as reader:
        ends = end_offsets(service.kafka, ["orders"])
        found = [each for each in reader.read(dict.fromkeys(ends, 0), ends) if each.value() == good.value]
    assert [each.headers() for each in found] == [headers, headers]
    (letter,) = service.dead_letters()
    assert Letter("", letter, None).headers == headers
