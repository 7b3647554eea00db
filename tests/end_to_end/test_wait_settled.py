"""`shoal wait --settled`: what it returns on does not move any more, and is as good as a refit."""

import json

import numpy as np
import pytest
from sklearn.cluster import KMeans
from typer.testing import CliRunner

from cli.main import app
from state.model.baselines import BaselineStore, ModelStore
from state.partitions.partition_store import PartitionStore
from state.store import keys
from stream.model.live_segmenter import LiveSegmenter
from tests.service import HALF_LIFE_MS
from tests.shop import shop_events


def shoal(service, *command):
    ran = CliRunner().invoke(app, [*command, "--json"], env=service.environment)
    assert ran.exit_code == 0, (ran.output, ran.exception)
    return json.loads(ran.stdout)


def placed_vectors(service, segmenter, k):
    """The vectors of those whom the clusters place; stages of the lifecycle, which come after them, have no place."""
    store = PartitionStore(service.redis, keys.SEGMENTS_GROUP)
    parts = [store.scan(p, 0, 1_000_000)[1].rows for p in range(service.kafka.partitions)]
    rows = np.concatenate(parts)
    rows = rows[(rows["cluster"] >= 0) & (rows["cluster"] < k)]
    return segmenter.vectors(rows, rows["learned_at"])


@pytest.mark.long
def test_history_loaded_in_seconds_has_settled(service):
    """A baseline of its first half is live while the second half is loaded at once."""
    events = sorted(shop_events(), key=lambda each: json.loads(each.value)["occurred_at"])
    service.worker(SHOAL_SWEEP_S="1")
    service.publish(events[: len(events) // 2])
    service.until_processed()
    service.spawn("batch", "--every", "1s", SHOAL_FIRST_CUSTOMERS="300", SHOAL_FIRST_HISTORY_DAYS="30")
    service.until(lambda: BaselineStore(service.redis).current() is not None, what="the first baseline")
    service.publish(events[len(events) // 2 :])
    found = shoal(service, "wait", "--settled", "--timeout", "120")
    assert found["settled"] is True
    assert found["processed"] >= len(events)
    before = service.views(service.records())
    live = LiveSegmenter(service.redis, HALF_LIFE_MS)
    live.refresh()
    k = BaselineStore(service.redis).current().k
    centroids = np.array(ModelStore(service.redis).current().centroids)[:k]
    vectors = placed_vectors(service, live.segmenter, k)
    squared = ((vectors[:, None] - centroids[None]) ** 2).sum(axis=2).min(axis=1).sum()
    refit = KMeans(k, n_init=1, init=centroids).fit(vectors)
    assert squared <= 1.01 * refit.inertia_
    service.until_quiet(3.0)
    assert service.views(service.records()) == before
