"""Invariants 4 and 10: of two groups that read a topic, one puts misplaced events right and writes dead letters."""

import random

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


def orders_of_all(count):
    return [
        order(
            name, f"1998-01-{1 + i % 28:02d}T00:{i // 28:02d}:00Z", 1.0, event_id=f"{name}-{i}", order_id=f"{name}-{i}"
        )
        for i in range(count)
        for name in CUSTOMERS
    ]


def send_while_both_groups_run_and_are_killed(service, chance, parts, send):
    """Send part after part; after each but the last, kill a worker and an experiment consumer, and start others."""
    small = {"SHOAL_BATCH_EVENTS": "20"}
    running = [service.worker(**small), service.worker(**small)]
    running += [service.spawn("experiments", **small), service.spawn("experiments", **small)]
    sent = 0
    for part in parts:
        send(part)
        sent += len(part)
        service.until(
            lambda reached=sent * 2 // 3: sum(order_outcomes(service, keys.SEGMENTS_GROUP).values()) >= reached,
            what="most of it is processed",
        )
        if part is not parts[-1]:
            for victim in (chance.randrange(2), chance.randrange(2, 4)):
                running[victim].kill()
                running[victim] = service.worker(**small) if victim < 2 else service.spawn("experiments", **small)


def test_misplaced_orders_count_once_whenever_the_second_group_starts(service):
    sent = orders_of_all(300)
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


def test_misplaced_orders_count_once_shuffled_with_two_of_each_that_are_killed(service):
    chance, sent = random.Random(4), orders_of_all(300)
    chance.shuffle(sent)
    parts = [sent[start : start + 300] for start in range(0, len(sent), 300)]
    send_while_both_groups_run_and_are_killed(
        service, chance, parts, lambda part: send_by_default_partitioner(service, part)
    )
    consumed = until_both_are_done(service)
    assert {name: int(row["placed"]) for name, row in service.records().items()} == dict.fromkeys(CUSTOMERS, 300)
    segments, tallies = (order_outcomes(service, group) for group in (keys.SEGMENTS_GROUP, keys.EXPERIMENTS_GROUP))
    assert segments["applied"] == tallies["applied"] == len(sent)
    assert segments["rerouted"] == tallies["left_to_segments"] > 0
    assert sum(segments.values()) == sum(tallies.values()) == consumed, "a repeat is told as one"
    assert segments.keys() | tallies.keys() <= {"applied", "rerouted", "left_to_segments", "duplicate"}


def test_each_invalid_order_has_one_dead_letter_with_two_of_each_that_are_killed(service):
    chance, valid = random.Random(10), orders_of_all(100)
    invalid = [Message("orders", name, f"no order {i}".encode()) for name in CUSTOMERS for i in range(50)]
    sent = [*valid, *invalid]
    chance.shuffle(sent)
    parts = [sent[start : start + 150] for start in range(0, len(sent), 150)]
    send_while_both_groups_run_and_are_killed(service, chance, parts, service.publish)
    assert until_both_are_done(service) == len(sent)
    listed = sorted(Letter("", each, None).value for each in service.dead_letters())
    assert listed == sorted(each.value for each in invalid)
    assert order_outcomes(service, keys.SEGMENTS_GROUP) == {"applied": len(valid), "dead_lettered": len(invalid)}
    assert order_outcomes(service, keys.EXPERIMENTS_GROUP) == {"applied": len(valid), "left_to_segments": len(invalid)}


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
