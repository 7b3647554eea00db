"""What Redis says of the services: who is alive, and what is wrong where somebody is missing."""

import asyncio
import time
from datetime import UTC, datetime

import pytest

from experiments import Experiment
from queries.operations.pipeline_status import state_status
from state.campaigns.triggers import Trigger, TriggerStore
from state.experiments.definitions import ExperimentStore
from state.partitions.worker_heartbeats import WorkerHeartbeat, WorkerRegistry
from state.store import keys
from stream.campaigns.heartbeat import Heartbeat
from stream.campaigns.webhook_request import new_secret
from tests.waiting import PATIENCE_S


def beat(redis, kind, age_s=0.0, **fields):
    at_ms = int((time.time() - age_s) * 1000)
    WorkerRegistry(redis, kind).beat(WorkerHeartbeat(worker="w", at_ms=at_ms, partitions=[0, 1], events=0, **fields))


def told(redis):
    return " ".join(state_status(redis, 2)["problems"])


@pytest.fixture
def everything(redis):
    """A shop with an experiment and a trigger, and every service alive."""
    TriggerStore(redis).add(Trigger(trigger="t", url="http://x/", secret=new_secret(), created_at=datetime.now(UTC)))
    experiment = Experiment.model_validate(
        {"id": "e", "variants": [{"name": "A"}, {"name": "B"}], "control": "A", "start": datetime.now(UTC)}
    )
    ExperimentStore(redis).create("e", experiment.model_dump_json())
    for kind in (keys.WORKERS, keys.EXPERIMENT_WORKERS, keys.TRIGGER_WORKERS):
        beat(redis, kind)
    return redis


def test_with_every_service_there_is_no_problem(everything):
    assert told(everything) == ""


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        (keys.WORKERS, "`shoal worker`"),
        (keys.EXPERIMENT_WORKERS, "`shoal experiments`"),
        (keys.TRIGGER_WORKERS, "`shoal triggers`"),
    ],
)
def test_a_service_that_is_silent_is_missed(everything, kind, says):
    beat(everything, kind, age_s=16.0)
    assert says in told(everything)


def test_services_that_nobody_needs_are_not_missed(redis):
    beat(redis, keys.WORKERS)
    assert told(redis) == ""


def test_a_partition_without_a_worker_and_a_worker_behind_are_told(redis):
    beat(redis, keys.WORKERS, behind=True, behind_s=90.0)
    assert "behind the newest model for 90 s" in told(redis)
    assert "no worker owns the partitions [2]" in " ".join(state_status(redis, 3)["problems"])


def test_a_trigger_service_beats_and_leaves(redis):
    async def lived():
        heart = asyncio.create_task(Heartbeat(redis).run())
        async with asyncio.timeout(PATIENCE_S):
            while not (alive := state_status(redis, 1)["triggers"]["services"]):
                await asyncio.sleep(0.02)
        heart.cancel()
        await asyncio.gather(heart, return_exceptions=True)
        return alive, state_status(redis, 1)["triggers"]["services"]

    alive, afterwards = asyncio.run(lived())
    assert (len(alive), afterwards) == (1, [])
