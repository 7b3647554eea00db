"""The experiment consumer: exact at 200,000 customers whatever happens, its throughput, and how soon a tally is seen.

`python -m bench.statistics.experiment_consumer` prints the figures as JSON; needs Java and Maven.
"""

import argparse
import itertools
import json
import random
import sys
import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

import numpy as np
from confluent_kafka import Producer

from bench.job.fixed_job import PARTITIONS
from bench.job.servers import BenchServers, Run, start_servers, wait_for
from bench.reporting.machine import describe_machine, stamp
from bench.reporting.recording import record
from bench.statistics.tallies_by_pandas import frame, true_tallies
from cli.local.embedded import ChildProcess
from consumers.broker.consumer_lag import stored_offsets
from events.arrays import Floats
from experiments.definition import Experiment, Variant
from simulation.behaviour.ab_test import Effect
from simulation.behaviour.ab_test import Experiment as Simulated
from simulation.event_merging import TOPICS
from simulation.scenarios.named_scenarios import named_scenario
from simulation.shop import Shop
from state.experiments.definitions import ExperimentStore
from state.experiments.tally_store import TallyStore
from state.partitions.worker_heartbeats import WorkerRegistry
from state.store import keys

__all__ = ["Message", "definition", "main", "measure_delay", "measure_exactness", "measure_throughput", "raw_events"]

_START: Final = datetime(2025, 1, 1, tzinfo=UTC)
_DAYS, _FROM, _UNTIL = 50, 25, 35
_KILLS: Final = 5
_WARM_UP_S: Final = 15.0  # the broker's Java compiles itself for the first ten seconds of load, on the cores measured


class Message(NamedTuple):
    """One event: topic, customer, JSON."""

    topic: str
    key: str
    value: bytes


class TalliesWrong(AssertionError):
    """The tallies are not those of pandas: the figures do not count."""


def definition(start: datetime, days: float) -> Experiment:
    """Return the experiment, from a time on for some days."""
    return Experiment(
        id="banner",
        variants=(Variant(name="A"), Variant(name="B")),
        control="A",
        start=start,
        stop=start + timedelta(days=days),
        conversion_window=timedelta(days=10),
        retention_days=14,
        pre_period_days=20,
    )


def raw_events(customers: int, seed: int = 1) -> list[Message]:
    """Return orders, exposures and conversions of a simulated experiment, by time."""
    simulated = Simulated(
        experiment="banner",
        variants={"A": 1, "B": 1},
        control="A",
        from_day=_FROM,
        until_day=_UNTIL,
        default_conversion=0.2,
        effects={"B": {"frequent": Effect(conversion=0.05, purchase_rate=1.3)}},
    )
    shop = Shop(named_scenario("stationary").model_copy(update={"experiment": simulated}), customers, seed, _START)
    wanted = {TOPICS.index(topic): topic for topic in ("orders", "exposures", "conversions")}
    return [
        Message(wanted[topic], key, value)
        for batch in shop.batches(_DAYS)
        for topic, key, value in zip(batch.topics.tolist(), batch.keys, batch.values, strict=True)
        if topic in wanted
    ]


def measure_exactness(servers: BenchServers, customers: int = 200_000) -> dict[str, Any]:
    """Tally shuffled events with a tenth repeated, through five SIGKILLs and a rebalance. Raises TalliesWrong."""
    events = raw_events(customers)
    truth = _truth(events)
    chance = random.Random(20_261_123)  # noqa: S311 - a shuffle, seeded to be the same
    sent = events + chance.sample(events, len(events) // 10)
    chance.shuffle(sent)
    run = _declared(servers, definition(_START + timedelta(days=_FROM), _UNTIL - _FROM))
    cuts = [len(sent) * part // (_KILLS + 1) for part in range(_KILLS + 2)]
    service = _serve(run)
    for begin, end in itertools.pairwise(cuts[:-1]):
        _publish(run, sent[begin:end])
        target = chance.randrange(begin, end)
        _wait_past(run, target)
        service.kill()
        run.workers.remove(service)
        service = _serve(run)
    helper = _serve(run)
    wait_for(lambda: _owned(run) == 2, 60)
    _publish(run, sent[cuts[-2] :])
    helper.stop()
    run.workers.remove(helper)
    wait_for(lambda: _processed(run) == len(sent), 300)
    found = _arms(run)
    run.close()
    if found != truth:
        raise TalliesWrong(f"found {found}, pandas says {truth}")
    return {
        "customers": customers,
        "events": len(sent),
        "exposed": sum(each[0] for each in truth.values()),
        "exact": True,
    }


def measure_throughput(servers: BenchServers, customers: int = 100_000) -> dict[str, Any]:
    """Tally preloaded events as fast as it goes. Raises TalliesWrong."""
    events = raw_events(customers, seed=2)
    run = _declared(servers, definition(_START + timedelta(days=_FROM), _UNTIL - _FROM))
    service = _serve(run, session_timeout_s=60)
    wait_for(lambda: _owned(run) == 1, 60)
    with run.paused():
        _publish(run, events)
    wait_for(lambda: _processed(run) > 0, 60, 0.001)
    first, started, used, redis_used = _processed(run), time.monotonic(), run.cpu_s(), run.redis_cpu_s()
    wait_for(lambda: _processed(run) == len(events), 300)
    seconds, counted = time.monotonic() - started, len(events) - first
    figures = {
        "events": len(events),
        "events_per_s": counted / seconds,
        "cpu_s_per_million": (run.cpu_s() - used) / counted * 1e6,
        "redis_cpu_s_per_million": (run.redis_cpu_s() - redis_used) / counted * 1e6,
        "peak_mb": run.peak_mb(),
    }
    found = _arms(run)
    service.stop()
    run.close()
    if found != _truth(events):
        raise TalliesWrong("the tallies of the throughput run are not those of pandas")
    return figures


def measure_delay(servers: BenchServers, rate: int = 20_000, seconds: float = 20.0) -> dict[str, Any]:
    """Publish as many orders as exposures of new customers, and look when each exposure is in the tally.

    `rate` is events a second in all. The load runs for a while before it counts; `warming_up` has that part's figures.
    """
    now = datetime.now(UTC)
    run = _declared(servers, definition(now - timedelta(days=1), 30))
    _serve(run)
    wait_for(lambda: _owned(run) == 1, 60)
    seen: list[tuple[float, int]] = []
    over, producer = threading.Event(), run.producer()
    warm_up = int(rate * _WARM_UP_S / 2)
    pairs = [_pair(i) for i in range(warm_up + int(rate * seconds / 2))]
    reader = threading.Thread(target=_watch, args=(run, seen, over))
    reader.start()
    sent = _pace(producer, run, pairs[:warm_up], rate)
    cpu, began = run.cpu_s(), time.monotonic()
    sent += _pace(producer, run, pairs[warm_up:], rate)
    published = (time.monotonic() - began, run.cpu_s() - cpu)
    wait_for(lambda: bool(seen) and seen[-1][1] == len(sent), 60)
    over.set()
    reader.join()
    run.close()
    times, totals = np.array([at for at, _ in seen]), np.array([total for _, total in seen])
    delay_ms = (times[np.searchsorted(totals, np.arange(1, len(sent) + 1))] - np.array(sent)) * 1000
    return {
        "events_per_s": 2 * (len(sent) - warm_up) / published[0],
        "cpu_share": published[1] / published[0],
        **_percentiles(delay_ms[warm_up:]),
        "warming_up": _percentiles(delay_ms[:warm_up]),
    }


def _percentiles(delay_ms: Floats) -> dict[str, float]:
    return {name: float(np.percentile(delay_ms, q)) for name, q in (("p50_ms", 50), ("p99_ms", 99), ("max_ms", 100))}


def _pace(producer: Producer, run: Run, pairs: Sequence[tuple[str, bytes, bytes]], rate: int) -> list[float]:
    """Publish exposures and orders evenly, `rate` a second in all; return when each exposure was sent."""
    exposures, orders = run.kafka.topic("exposures"), run.kafka.topic("orders")
    sent: list[float] = []
    began = time.monotonic()
    while len(sent) < len(pairs):
        due = min(len(pairs), int((time.monotonic() - began) * rate / 2))
        for key, shown, order in pairs[len(sent) : due]:
            producer.produce(exposures, shown, key)
            producer.produce(orders, order, key)
            sent.append(time.monotonic())
        producer.poll(0)
        time.sleep(0.002)
    producer.flush()
    return sent


def _pair(i: int) -> tuple[str, bytes, bytes]:
    """Return a new customer with an exposure and an order, both as of now."""
    event = {"customer_id": f"c{i:07d}", "occurred_at": datetime.now(UTC).isoformat()}
    shown = event | {"event_id": f"x{i}", "experiment": "banner", "variant": "AB"[i % 2]}
    order = event | {"event_id": f"o{i}", "order_id": f"o{i}", "amount": 12.5, "currency": "EUR"}
    return f"c{i:07d}", json.dumps(shown).encode(), json.dumps(order).encode()


def _watch(run: Run, seen: list[tuple[float, int]], over: threading.Event) -> None:
    store = TallyStore(run.redis)
    while not over.is_set():
        exposed = sum(values[0] for values in store.read("banner", PARTITIONS).cells.values())
        seen.append((time.monotonic(), exposed))
        over.wait(0.005)


def _truth(events: Sequence[Message]) -> dict[str, tuple[int, ...]]:
    made = definition(_START + timedelta(days=_FROM), _UNTIL - _FROM)
    exposures, orders = (frame(each.value for each in events if each.topic == name) for name in ("exposures", "orders"))
    return true_tallies(made, exposures, orders)


def _arms(run: Run) -> dict[str, tuple[int, ...]]:
    """Return the tallies by variant, over all segments."""
    arms: dict[str, tuple[int, ...]] = {}
    for (variant, _), values in TallyStore(run.redis).read("banner", PARTITIONS).cells.items():
        arms[variant] = tuple(map(sum, zip(arms.get(variant, (0,) * len(values)), values, strict=True)))
    return arms


def _declared(servers: BenchServers, experiment: Experiment) -> Run:
    run = servers.new_run()
    ExperimentStore(run.redis).create(experiment.id, experiment.model_dump_json())
    return run


def _serve(run: Run, **settings: object) -> ChildProcess:
    return run.start_service("experiments", {"session_timeout_s": 3} | settings)


def _publish(run: Run, messages: Sequence[Message]) -> None:
    for topic in ("orders", "conversions", "exposures"):
        run.load(((each.key, each.value) for each in messages if each.topic == topic), topic)


def _processed(run: Run) -> int:
    return sum(stored_offsets(run.redis, PARTITIONS, keys.EXPERIMENTS_GROUP).values())


def _wait_past(run: Run, events: int) -> None:
    wait_for(lambda: _processed(run) >= events, 300, 0.0)


def _owned(run: Run) -> int:
    """Return how many services share all partitions, 0 where not all are owned."""
    now_ms = time.time_ns() // 1_000_000
    beats = WorkerRegistry(run.redis, keys.EXPERIMENT_WORKERS).beats(now_ms)
    owners = [beat for beat in beats if now_ms - beat.at_ms < 3_000 and beat.partitions]
    return len(owners) if sum(len(beat.partitions) for beat in owners) == PARTITIONS else 0


def main(arguments: Sequence[str]) -> None:
    """Measure, print one JSON document, and record it where all parts are measured."""
    parser = argparse.ArgumentParser(prog="python -m bench.statistics.experiment_consumer", description=__doc__)
    parser.add_argument("--customers", type=int, default=200_000, help="customers of the exactness run")
    parser.add_argument("--part", choices=("exactness", "throughput", "delay"), action="append")
    options = parser.parse_args(arguments)
    parts = options.part or ["exactness", "throughput", "delay"]
    machine, measured = describe_machine(), stamp([], "bench.statistics.experiment_consumer")
    with start_servers() as brokers:
        figures: dict[str, Any] = {}
        if "exactness" in parts:
            figures["exactness"] = measure_exactness(brokers, options.customers)
        if "throughput" in parts:
            figures["throughput"] = measure_throughput(brokers, max(1_000, options.customers // 2))
        if "delay" in parts:
            figures["delay"] = measure_delay(brokers)
        figures["complaints"] = brokers.logged_problems
    json.dump(figures, sys.stdout, indent=2)
    sys.stdout.write("\n")
    if not arguments:
        record({"tallies": figures}, machine, measured)


if __name__ == "__main__":
    main(sys.argv[1:])
