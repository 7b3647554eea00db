"""Invariant 12 over a restart of all: Redis and the compacted topic hold the same model, and it goes on from there."""

import pytest

from events.schema.outputs import ModelVersion
from state.model.baselines import BaselineStore, ModelStore
from tests.shop import shop_events

pytestmark = pytest.mark.durable


def newest_published(service):
    return ModelVersion.model_validate_json(service.read("models")[-1])


@pytest.mark.long
def test_the_model_survives_kills_of_the_workers_redis_and_kafka(service_on, own_redis, own_kafka):
    redis_server, broker = own_redis(appendonly=True), own_kafka()
    service = service_on(redis_server.url, broker.bootstrap)
    events = shop_events(sessions=0, profiles=0)
    workers = [service.worker(), service.worker()]
    service.publish(events[:3_000])
    service.until_processed()
    batch = service.spawn("batch", "--every", "1s", SHOAL_FIRST_CUSTOMERS="300", SHOAL_FIRST_HISTORY_DAYS="30")
    service.until(lambda: BaselineStore(service.redis).current() is not None, what="the first baseline")
    service.until_quiet()
    service.until(service.model_is_current, what="a model of all")
    service.until(lambda: ModelStore(service.redis).current() == newest_published(service), what="it is published")
    for worker in (*workers, batch):
        worker.kill()
    model = ModelStore(service.redis).current()
    for server in (redis_server, broker):
        server.kill()
    redis_server.start()
    broker.start()

    assert ModelStore(service.redis).current() == newest_published(service) == model
    service.worker()
    service.until_owned(1)
    service.until(
        lambda: any(beat.model_version >= model.version for beat in service.beats()), what="the worker has the model"
    )
    service.assert_model_is_sum_of_customers()
    service.publish(events[3_000:])
    service.until_processed()
    service.until_quiet()
    service.until(service.model_is_current, what="the model of all events")
    service.assert_model_is_sum_of_customers()
    assert ModelStore(service.redis).current().version > model.version
    service.until(lambda: ModelStore(service.redis).current() == newest_published(service), what="both have the same")
