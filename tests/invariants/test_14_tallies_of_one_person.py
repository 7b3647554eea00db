"""Invariant 14, experiments: after a merge tallies are as if every event had been published under the id that stays."""

import itertools
import random
from collections import defaultdict

from consumers.broker.consumer_lag import behind, end_offsets, unsent_changes
from events.topics.specs import EXPERIMENT_TOPICS, SEGMENT_TOPICS
from state.store import keys
from tests.invariants.test_09_tallies_are_exact import (
    BY_CONVERSIONS,
    DEFINITION,
    SMALL,
    assert_outcomes_add_up,
    declare,
    found,
    messages,
    shop,
    stored,
    tie,
)
from tests.shop import identity
from tests.tally_oracle import tallied

TOPICS = sorted({*SEGMENT_TOPICS, *EXPERIMENT_TOPICS})
OUTSIDE = ("before_start", "after_stop")
"""Counted by event, repeated or not; what is forwarded may come twice after a crash."""


def people(events, merges, chance):
    """Return who is merged into whom, in chains too, and the events with some orders told by both ids of a person."""
    line = sorted({event["customer_id"] for _, event in events})
    chance.shuffle(line)
    previous = chance.sample(range(len(line) - 1), merges)
    merged = {line[at]: line[chance.randrange(at + 1, min(at + 40, len(line)))] for at in previous}
    told = [event for topic, event in events if topic == "orders" and event["customer_id"] in merged]
    twice = [
        ("orders", event | {"event_id": event["event_id"] + "/told", "customer_id": merged[event["customer_id"]]})
        for event in chance.sample(told, len(told) // 10)
        if event.get("type", "placed") != "refunded"
    ]
    return merged, events + twice


def under_survivors(events, merges):
    def person(name):
        while name in merges:
            name = merges[name]
        return name

    return [
        (topic, event | {"customer_id": person(event["customer_id"]), "merged": event["customer_id"] in merges})
        for topic, event in events
    ]


def until_all_processed(service):
    """Wait until both groups have processed all, also what the partitions sent each other meanwhile."""
    while True:
        ends = end_offsets(service.kafka, TOPICS)
        mine, other = (
            {place: end for place, end in ends.items() if place[0] in map(service.kafka.topic, topics)}
            for topics in (EXPERIMENT_TOPICS, SEGMENT_TOPICS)
        )
        service.until(
            lambda mine=mine, other=other: (
                not behind(mine, stored(service))
                and not behind(other, service.stored())
                and not unsent_changes(service.redis, service.kafka.partitions)
            ),
            what="both groups have processed everything",
        )
        if end_offsets(service.kafka, TOPICS) == ends:
            return ends


def by_variant(cells):
    """Add the segments up: which segment somebody held when depends on when the worker read what."""
    total = defaultdict(lambda: (0,) * 13)
    for (variant, _), sums in cells.items():
        total[variant] = tuple(map(sum, zip(total[variant], sums, strict=True)))
    return dict(total)


def assert_tallies(service, events, merges):
    for definition in (DEFINITION, BY_CONVERSIONS):
        cells, left_out = tallied(under_survivors(events, merges), definition, tie=tie)
        found_cells, found_left_out = found(service, definition["id"])
        right = by_variant(cells)
        assert by_variant(found_cells) == right
        assert all(sums[-2] > 5 for sums in right.values()), "people who were shown both variants"
        assert left_out["merged_contaminated"] > 5, "people who were shown both variants under their ids"
        assert {name: count for name, count in found_left_out.items() if name not in OUTSIDE} == {
            name: count for name, count in left_out.items() if name not in OUTSIDE
        }
        for partition in range(service.kafka.partitions):
            for key in (keys.exposed(partition, definition["id"]), keys.purchases(partition)):
                assert not merges.keys() & {name.decode() for name in service.redis.hkeys(key)}
            assert not service.redis.exists(keys.handovers(partition, keys.EXPERIMENTS_GROUP))


def test_tallies_of_merged_people_in_any_order_with_kills_equal_the_replay_under_survivors(service):
    chance = random.Random(14)
    merges, events = people(shop(customers=400), 120, chance)
    declare(service, DEFINITION, BY_CONVERSIONS)
    sent = messages(events + chance.sample(events, len(events) // 10))
    sent += [identity(*pair) for pair in merges.items()]
    chance.shuffle(sent)
    worker = service.worker(**SMALL)
    consumers = [service.spawn("experiments", **SMALL), service.spawn("experiments", **SMALL)]
    cuts = [len(sent) * part // 6 for part in range(7)]
    for start, end in itertools.pairwise(cuts):
        service.publish(sent[start:end])
        target = chance.randrange(start, end - (end - start) // 4)
        while sum(stored(service).values()) < target // 2:  # without a pause, so that one dies in the middle
            assert any(each.running for each in consumers)
        if end == len(sent):
            break
        victim = chance.randrange(3)
        if victim == 2:
            worker.kill()
            worker = service.worker(**SMALL)
        else:
            consumers[victim].kill()
            consumers[victim] = service.spawn("experiments", **SMALL)
    ends = until_all_processed(service)
    assert_tallies(service, events, merges)
    assert_outcomes_add_up(service, ends)


def test_a_redis_that_comes_back_older_counts_merged_people_once(service):
    chance = random.Random(15)
    merges, events = people(shop(customers=300), 90, chance)
    declare(service, DEFINITION, BY_CONVERSIONS)
    chance.shuffle(events)
    third = len(events) // 3
    worker, consumer = service.worker(), service.spawn("experiments")
    service.publish(messages(events[:third]))
    until_all_processed(service)
    older = service.snapshot()
    service.publish([identity(*pair) for pair in merges.items()])
    service.publish(messages(events[third : 2 * third]))
    until_all_processed(service)
    worker.kill()
    consumer.kill()
    service.come_back_older(older)
    service.publish(messages(events[2 * third :]))
    service.worker()
    service.spawn("experiments")
    until_all_processed(service)
    assert_tallies(service, events, merges)
