"""Bad states, through the command and a real Redis: a clear message, and the live baseline as it was."""

import itertools
import multiprocessing
import sys
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
import redis as redis_py

from batch.candidate import build_candidate
from batch.fit_options import FitOptions
from batch.promotion.batch_lock import BatchBusy, BatchLock
from batch.promotion.batch_service import BatchService
from batch.promotion.decisions import Promotion
from batch.promotion.first_baseline import Readiness
from batch.rebaseline import Rebaseliner
from batch.settings import BatchSettings
from cli.main import main
from events.topics.partitioning import partitions_of
from state.customers.records import CustomerBatch, blank_rows
from state.model.baselines import BaselineStore
from state.partitions.partition_store import PartitionStore, PartitionUpdate
from state.store import keys
from stream.customers.wall_or_event_time import SegmentClock
from stream.moves.hysteresis import Hysteresis
from tests.building import (
    DAY_MS,
    HALF_LIFE_MS,
    NOW,
    NOW_MS,
    RFM,
    Sink,
    everything_in,
    make_baseline,
    names,
    rows_with,
    shoppers,
)

PARTITIONS = 4
QUICK = FitOptions(features=tuple(RFM), algorithms=("k-means",), k_max=4, lifecycle=None)


def fill(client, rows, ids=None):
    """Put customers into Redis as a worker does, with baseline 1 live."""
    ids = ids or names(len(rows))
    places = partitions_of(ids, PARTITIONS) if ids else np.zeros(0, np.int64)
    store = PartitionStore(client, keys.SEGMENTS_GROUP)
    for partition in range(PARTITIONS):
        at = np.flatnonzero(places == partition)
        batch = CustomerBatch.blank([ids[i] for i in at])
        batch.rows[:], batch.known[:] = rows[at], True
        store.save(store.claim(partition), PartitionUpdate(batch, {}, 0, None, 0, {}, {}, NOW_MS, []))
    BaselineStore(client).approve(make_baseline())


def rebaseliner(client):
    return Rebaseliner(
        client,
        SegmentClock("event"),
        partitions=PARTITIONS,
        half_life_ms=HALF_LIFE_MS,
        hysteresis=Hysteresis.uniform(0.1),
        limit=10_000,
        seed=1,
    )


def propose(client, options=QUICK, check=lambda: None):
    return rebaseliner(client).propose(options, by="test", now=NOW, check=check)


def live(client):
    """What is live, byte for byte, and what of it workers and readers look at."""
    return {key: client.dump(key) for key in (keys.BASELINE_CURRENT, keys.baseline(1))}


@pytest.fixture
def command(monkeypatch, capsys, redis_database_url):
    """Run `shoal` in this process; return the exit code and what it said."""

    def run(*arguments, url=redis_database_url):
        monkeypatch.setattr(sys, "argv", ["shoal", *arguments, "--redis", url])
        monkeypatch.setenv("SHOAL_CLOCK", "event")
        monkeypatch.setenv("SHOAL_BATCH_NICE", "0")  # the tests go on in this process
        monkeypatch.setenv("SHOAL_PARTITIONS", str(PARTITIONS))
        with pytest.raises(SystemExit) as ended:
            main()
        return ended.value.code, " ".join(capsys.readouterr().err.split())

    return run


def identical(n=50):
    first = NOW_MS - 5 * DAY_MS
    return rows_with(n, first_order=first, last_order=first, placed=2, gross=10_000, decayed_orders=1.0)


def without_numbers(n=50):
    rows = shoppers(n)
    rows["profile_numbers"] = np.nan
    return rows


@pytest.mark.parametrize(
    ("rows", "arguments", "said"),
    [
        (blank_rows(0), (), "there are no customers yet"),
        (shoppers(4), ("--k", "5"), "customers cannot make 5 segments"),
        (identical(), (), "50 customers, 1 of them different in these features, cannot make 2 segments"),
        (without_numbers(), ("--features", "income"), "none of the 50 customers has a value of 'income'"),
    ],
    ids=["no customers", "fewer customers than k", "all identical", "a feature is NaN for everybody"],
)
def test_what_cannot_be_fitted_is_said_and_nothing_in_redis_changes(redis, command, rows, arguments, said):
    fill(redis, rows)
    before = everything_in(redis)
    code, err = command("rebaseline", "--approve", *arguments)
    assert code == 1
    assert said in err
    assert "Traceback" not in err
    assert everything_in(redis) == before


def outlier(rows):
    rows["gross"][7], rows["decayed_amount"][7] = 10**12, 10.0**12 * rows["decayed_orders"][7]


def constant(rows):
    rows["profile_numbers"][:, 0] = 40.0


def not_a_number(rows):
    rows["decayed_amount"][:40] = np.nan
    rows["profile_numbers"][::3, 0] = np.nan


@pytest.mark.parametrize(
    ("spoil", "step", "feature", "customers"),
    [
        (outlier, "outliers", "monetary", None),
        (constant, "constant", "age", 400),
        (not_a_number, "missing", "age", None),
    ],
    ids=["one order of a billion", "one feature constant", "NaN features"],
)
def test_what_can_be_fitted_all_the_same_is_told_and_only_proposed(redis, spoil, step, feature, customers):
    rows = shoppers(400)
    rows["profile_numbers"][:, 0] = np.random.default_rng(1).integers(18, 90, 400)
    spoil(rows)
    fill(redis, rows)
    before = live(redis)
    proposal = propose(redis, replace(QUICK, features=("recency", "monetary", "age"), k=3))
    told = [row for row in proposal.candidate.quality if (row.step, row.feature) == (step, feature)]
    assert len(told) == 1
    assert told[0].action
    assert told[0].customers == customers if customers else told[0].customers >= 1
    assert all(np.isfinite(each.centroid).all() for each in proposal.baseline.segments)
    assert proposal.baseline.status == "proposed"
    assert min(each.customers for each in proposal.baseline.segments) > 20, "nobody has a segment alone"
    assert live(redis) == before


class FadingRedis(redis_py.Redis):
    """A client from which Redis is gone from its n-th command on, transactions counted by their commands."""

    left = 10**9

    def execute_command(self, *args, **options):
        self._one_less()
        return super().execute_command(*args, **options)

    def pipeline(self, *args, **options):
        pipe = super().pipeline(*args, **options)
        execute, immediate = pipe.execute, pipe.immediate_execute_command

        def counted(call):
            def run(*args, **options):
                self._one_less()
                return call(*args, **options)

            return run

        pipe.execute, pipe.immediate_execute_command = counted(execute), counted(immediate)
        return pipe

    def _one_less(self):
        self.left -= 1
        if self.left < 0:
            raise redis_py.ConnectionError("Connection closed by server.")


@pytest.mark.slow
def test_redis_gone_at_any_moment_leaves_what_is_live_and_no_half_proposal(redis, redis_database_url):
    fill(redis, shoppers(150))
    before = live(redis)
    for allowed in itertools.count():
        with FadingRedis.from_url(redis_database_url) as client:
            client.left = allowed
            try:
                proposal = propose(client)
            except redis_py.ConnectionError:
                assert live(redis) == before
                assert [each.status for each in BaselineStore(redis).all()] == ["approved"]
                continue
        break
    assert allowed > 8, "it was gone at each of these moments"
    assert live(redis) == before
    assert BaselineStore(redis).get(proposal.baseline.baseline) == proposal.baseline


@pytest.mark.slow
def test_redis_killed_while_fitting_is_said_and_the_live_baseline_is_there_afterwards(own_redis, monkeypatch, command):
    server = own_redis(appendonly=True)
    with redis_py.Redis.from_url(server.url) as client:
        fill(client, shoppers(150))
        before = live(client)

        def after_reading(*args, **options):
            server.kill()
            return build_candidate(*args, **options)

        monkeypatch.setattr("batch.rebaseline.build_candidate", after_reading)
        code, err = command("rebaseline", url=server.url)
        assert code == 1
        assert "Redis went away during this" in err
        assert "the live baseline is untouched" in err
        assert "Traceback" not in err
        server.start()
        assert live(client) == before


class Established:
    def __init__(self, client):
        self.store = BaselineStore(client)

    def run_once(self):
        return self.store.current(), Readiness(0, ready=True, reason="as it was")


def work(url, start, said):
    """One batch process: at the same moment as the other, do what is due."""
    with redis_py.Redis.from_url(url) as client:
        service = BatchService(
            client,
            Established(client),
            Promotion(BaselineStore(client), Sink()),
            BatchSettings(features=list(RFM), k=3),
            every=timedelta(hours=24),
            partitions=PARTITIONS,
            rebaseliner=lambda: rebaseliner(client),
        )
        start.wait(60)
        said.put(service.step(NOW + timedelta(hours=25))[1])


@pytest.mark.slow
def test_of_two_batch_processes_at_once_one_proposes_and_the_other_says_who_is_at_work(redis, redis_database_url):
    fill(redis, shoppers(300))
    redis.hset(keys.outcome_counts(0, keys.SEGMENTS_GROUP), "orders:applied", 7)
    before = live(redis)
    context = multiprocessing.get_context("spawn")
    start, said = context.Barrier(2), context.Queue()
    both = [context.Process(target=work, args=(redis_database_url, start, said)) for _ in range(2)]
    for process in both:
        process.start()
    answers = sorted(said.get(timeout=120) for _ in both)
    for process in both:
        process.join(120)
    assert answers[0] == "baseline 2 is proposed and waits for `shoal baselines approve`"
    assert "is re-baselining, and only one process may at a time" in answers[1]
    assert [each.status for each in BaselineStore(redis).all()] == ["approved", "proposed"]
    assert live(redis) == before


def test_a_process_whose_lock_expired_writes_nothing(redis):
    fill(redis, shoppers(150))
    before = everything_in(redis)
    with BatchLock(redis, expires_s=60) as lock:
        redis.set(keys.BATCH_LOCK, "another-host-1")
        with pytest.raises(Exception, match="expired while it was at work"):
            propose(redis, check=lock.check)
        redis.delete(keys.BATCH_LOCK)
    assert everything_in(redis) == before


def test_a_person_who_asks_meanwhile_is_told_who_is_at_work(redis, command, monkeypatch):
    fill(redis, shoppers(150))
    monkeypatch.setattr("cli.rebaseline._LOCK_WAIT_S", 0.2)
    with BatchLock(redis, expires_s=60):
        code, err = command("rebaseline")
    assert code == 1
    assert "is re-baselining, and only one process may at a time; try again" in err
    assert BatchBusy.retriable
