"""Invariant 9: tallies are those of a plain replay, after shuffles, repeats, kills, rebalances, and bad events."""

import itertools
import json
import random
from datetime import timedelta

import xxhash

from consumers.broker.consumer_lag import behind, end_offsets, stored_offsets
from events.time_units import DAY_MS
from events.topics.partitioning import partitions_of
from events.topics.specs import EXPERIMENT_INPUTS
from experiments.definition import Experiment
from experiments.reporting.report import report
from experiments.tally import Tallies, Tally
from simulation.behaviour.ab_test import Effect
from simulation.behaviour.ab_test import Experiment as SimulatedExperiment
from simulation.customers.groups import Buying, Returns, Visits
from state.customers.records import CustomerBatch, pack
from state.experiments.definitions import ExperimentStore
from state.experiments.tally_store import TallyStore
from state.partitions.watermarks_and_outcomes import read_outcome_counts
from state.store import keys
from tests.deployment import Message
from tests.simulation.watching import START, START_MS, Seen, group, scenario
from tests.tally_oracle import tallied
from tests.waiting import PATIENCE_S

DEFINITION = {
    "id": "banner", "variants": [{"name": "A"}, {"name": "B"}], "control": "A", "attribution": "orders",
    "start": (START + timedelta(days=10)).isoformat(), "stop": (START + timedelta(days=20)).isoformat(),
    "window_days": 7, "retention_days": 14, "pre_period_days": 8,
}  # fmt: skip
BY_CONVERSIONS = DEFINITION | {"id": "mail", "attribution": "conversions"}
SMALL = {"SHOAL_BATCH_EVENTS": "100"}


def shop(seed=1, customers=600):
    """Orders, refunds, exposures and conversions of a simulated experiment, as (topic, event) pairs.

    The same customers take part in a second experiment, whose exposures are the first one's, some a variant off.
    """
    keen = group(
        "keen",
        buying=Buying(r=200, alpha=1_000),
        visits=Visits(web_share=0.95, per_order=1.5, browsing_per_week=1),
        returns=Returns(cancelled=0.1, refunded=0.1),
    )
    simulated = SimulatedExperiment(
        experiment="banner",
        variants={"A": 1, "B": 1},
        control="A",
        from_day=9,
        until_day=22,
        default_conversion=0.3,
        effects={"B": {"keen": Effect(conversion=0.2)}},
    )
    seen = Seen(scenario(keen, experiment=simulated), customers, 40, seed)
    events = [(topic, event) for topic in EXPERIMENT_INPUTS for event in seen.events[topic]]
    second = [(topic, _second(event)) for topic, event in events if topic != "orders"]
    return events + second


def _second(event):
    body = event | {"experiment": "mail", "event_id": event["event_id"] + "/2"}
    if "variant" in body and event["event_id"].endswith("7"):
        body["variant"] = "B" if body["variant"] == "A" else "A"
    return body


def messages(events):
    return [Message(topic, event["customer_id"], json.dumps(event).encode()) for topic, event in events]


def declare(service, *definitions):
    store = ExperimentStore(service.redis)
    for definition in definitions:
        fields = {name: value for name, value in definition.items() if name != "window_days"}
        window = timedelta(days=definition["window_days"])
        made = Experiment.model_validate({**fields, "conversion_window": window})
        assert store.create(made.id, made.model_dump_json())


def hold_segments(service, names):
    """Every other customer moved from s1 to s3 on day 13, and has been in s1 since the shop opened."""
    homes = partitions_of(names, service.kafka.partitions)
    for partition in range(service.kafka.partitions):
        batch = CustomerBatch.blank([name for name, home in zip(names, homes, strict=True) if home == partition][::2])
        batch.rows["segment"], batch.rows["change_number"] = 3, 2
        batch.rows["since"], batch.rows["earlier"][:, 0] = START_MS + 13 * DAY_MS, START_MS << 16 | 1
        service.redis.hset(keys.customers(partition), mapping=dict(zip(batch.ids, pack(batch), strict=True)))


def segments(service, names):
    known = {
        name.decode()
        for partition in range(service.kafka.partitions)
        for name in service.redis.hkeys(keys.customers(partition))
    }
    return lambda name, at: "unknown" if name not in known else "s3" if at >= START_MS + 13 * DAY_MS else "s1"


def tie(event):
    return xxhash.xxh3_64_intdigest(event["event_id"].encode(), seed=sum(b"exposures"))


def stored(service):
    return stored_offsets(service.redis, service.kafka.partitions, keys.EXPERIMENTS_GROUP)


def until_tallied(service):
    ends = end_offsets(service.kafka, EXPERIMENT_INPUTS)
    service.until(lambda: not behind(ends, stored(service)), what="everything tallied")
    return ends


def until_shared(service, services):
    service.until_owned(services, keys.EXPERIMENT_WORKERS)


def found(service, experiment_id):
    reading = TallyStore(service.redis).read(experiment_id, service.kafka.partitions)
    cells = {cell: values for cell, values in reading.cells.items() if any(values)}
    return cells, {reason: count for reason, count in reading.left_out.items() if count}


def assert_outcomes_add_up(service, ends):
    outcome_counts = read_outcome_counts(service.redis, service.kafka.partitions, keys.EXPERIMENTS_GROUP)
    for topic in EXPERIMENT_INPUTS:
        consumed = sum(end for (name, _), end in ends.items() if name == service.kafka.topic(topic))
        assert sum(count for name, count in outcome_counts.items() if name.startswith(f"{topic}:")) == consumed, (
            outcome_counts
        )
    return outcome_counts


def test_same_tallies_after_shuffle_repeats_kills_and_a_rebalance(service):
    chance = random.Random(20_261_123)
    events = shop()
    declare(service, DEFINITION, BY_CONVERSIONS)
    names = sorted({event["customer_id"] for _, event in events})
    hold_segments(service, names)
    sent = events + chance.sample(events, len(events) // 10)
    chance.shuffle(sent)
    cuts = [len(sent) * part // 6 for part in range(7)]
    consumer = service.spawn("experiments", **SMALL)
    for start, end in itertools.pairwise(cuts[:6]):
        service.publish(messages(sent[start:end]))
        target = chance.randrange(start, end - 100)
        while sum(stored(service).values()) < target:  # without a pause, so that it dies in the middle
            assert consumer.running, consumer.log_tail(20)
        consumer.kill()
        consumer = service.spawn("experiments", **SMALL)
    helper = service.spawn("experiments", **SMALL)
    until_shared(service, 2)
    service.publish(messages(sent[cuts[5] :]))
    helper.stop(PATIENCE_S)
    assert helper.exit_code == 0
    ends = until_tallied(service)
    for definition in (DEFINITION, BY_CONVERSIONS):
        cells, left_out = tallied(events, definition, segments(service, names), tie)
        found_cells, found_left_out = found(service, definition["id"])
        assert found_cells == cells
        assert {segment for _, segment in cells} == {"s1", "s3", "unknown"}
        _, repeated = tallied(sent, definition, segments(service, names), tie)
        assert found_left_out == left_out | {name: repeated[name] for name in ("before_start", "after_stop")}
    outcome_counts = assert_outcomes_add_up(service, ends)
    assert outcome_counts["orders:duplicate"] == sum(topic == "orders" for topic, _ in sent) - sum(
        topic == "orders" for topic, _ in events
    )
    mine = report_of(service)
    assert mine.overall.arms[0].exposed > 100


def report_of(service):
    definition = Experiment.model_validate_json(ExperimentStore(service.redis).get("banner"))
    cells = TallyStore(service.redis).read("banner", service.kafka.partitions).cells
    return report(definition, Tallies({cell: Tally(*values) for cell, values in cells.items()}), START)


def exposure(customer, at, variant="A", experiment="banner", **more):
    body = {"event_id": f"{customer}/{at}", "customer_id": customer, "occurred_at": at}
    return "exposures", body | {"experiment": experiment, "variant": variant} | more


def test_bad_events_are_dead_lettered_or_counted_and_an_experiment_may_begin_at_once(service):
    day = (START + timedelta(days=12)).isoformat()
    consumer = service.spawn("experiments")
    until_shared(service, 1)
    declare(service, DEFINITION)  # the consumer has read before that there is none
    events = [
        exposure("anna", day),
        exposure("bert", day, variant="C"),
        exposure("bert", day, experiment="banana", event_id="b2"),
        exposure("carl", (START + timedelta(days=9)).isoformat()),
        exposure("carl", (START + timedelta(days=20)).isoformat()),
        exposure("dora", "2999-01-01T00:00:00Z"),
        ("conversions", {"event_id": "1", "customer_id": "bert", "occurred_at": day, "experiment": "banana"}),
        ("conversions", {"event_id": "2", "customer_id": "bert", "occurred_at": day, "experiment": "banner"}),
        ("conversions", {"event_id": "3", "customer_id": "bert", "occurred_at": day, "value": -1, "currency": "EUR"}),
        (
            "orders",
            {
                "event_id": "4",
                "customer_id": "anna",
                "occurred_at": day,
                "order_id": "x",
                "amount": -5,
                "currency": "EUR",
            },
        ),
    ]
    service.publish(messages(events))
    ends = until_tallied(service)
    cells, left_out = found(service, "banner")
    assert {cell: values[0] for cell, values in cells.items()} == {("A", "unknown"): 1}
    assert left_out == {"before_start": 1, "after_stop": 1, "conversion_unused": 1}
    outcome_counts = assert_outcomes_add_up(service, ends)
    assert outcome_counts["exposures:dead_lettered"] == 3
    assert outcome_counts["orders:left_to_segments"] == 1, "its dead letter is written by the owner of the topic"
    reasons = sorted(letter.reason.split(":")[0] for letter in service.dead_letters())
    assert reasons == ["experiment", "experiment", "occurred_at", "value", "variant"]
    assert consumer.running


def test_events_in_the_wrong_partition_are_tallied_in_the_right_one(service):
    declare(service, DEFINITION)
    topic, body = exposure("anna", (START + timedelta(days=12)).isoformat())
    (home,) = partitions_of(["anna"], service.kafka.partitions).tolist()
    elsewhere = (home + 1) % service.kafka.partitions
    service.publish([Message(topic, "anna", json.dumps(body).encode(), elsewhere)])
    service.spawn("experiments")
    service.until(lambda: found(service, "banner")[0], what="the exposure is tallied")
    assert service.redis.hlen(keys.exposed(home, "banner")) == 1
    assert service.redis.hlen(keys.exposed(elsewhere, "banner")) == 0


def test_wait_returns_when_the_tallies_are_complete_and_says_so_where_nobody_tallies(service):
    declare(service, DEFINITION)
    service.worker()
    at = (START + timedelta(days=12)).isoformat()
    service.publish(messages([exposure(f"c{i}", at) for i in range(2_000)]))
    alone = service.spawn("wait", "--timeout", "3")
    service.until(lambda: not alone.running, what="shoal wait gives up")
    assert alone.exit_code == 1
    assert any("2,000 of 2,000 events are not processed" in line for line in alone.log_tail(20))
    service.spawn("experiments", SHOAL_BATCH_EVENTS="50")
    patient = service.spawn("wait", "--timeout", "100")
    service.until(lambda: not patient.running, what="shoal wait returns")
    assert patient.exit_code == 0
    assert sum(values[0] for values in found(service, "banner")[0].values()) == 2_000
