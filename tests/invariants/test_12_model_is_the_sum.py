"""Invariant 12: the model is the sum of its customers, at every quiet moment, whatever happened before."""

from state.model.baselines import BaselineStore, ModelStore
from tests.shop import order, shop_events
from tests.waiting import PATIENCE_S


def test_centroids_are_the_means_of_their_members_after_a_baseline_and_a_crash(service):
    events = shop_events()
    worker = service.worker()
    half = len(events) // 2
    service.publish(events[:half])
    service.until_processed()
    service.assert_model_is_sum_of_customers()
    batch = service.spawn("batch", "--every", "1s", SHOAL_FIRST_CUSTOMERS="300", SHOAL_FIRST_HISTORY_DAYS="30")
    service.until(lambda: BaselineStore(service.redis).current() is not None, what="the first baseline")
    service.publish(events[half:-500])
    worker.kill()
    service.worker()
    service.publish(events[-500:])
    service.until_processed()
    service.until(service.model_is_current, what="the leader has added up the last sums")
    live = service.assert_model_is_sum_of_customers()
    model, baseline = ModelStore(service.redis).current(), BaselineStore(service.redis).current()
    assert live.segmenter.baseline == model.baseline == baseline.baseline == 1
    assert sum(model.counts) == len(service.records())
    log = service.assert_changes_agree()
    assert log.causes["baseline"] > 0
    batch.stop(PATIENCE_S)
    assert batch.exit_code == 0


def test_a_new_model_reaches_every_worker_within_two_seconds(service):
    service.publish(shop_events(sessions=0))
    service.worker()
    service.worker()
    service.until_owned(2)
    service.until_processed()
    service.spawn("batch", "--every", "1s", SHOAL_FIRST_CUSTOMERS="300", SHOAL_FIRST_HISTORY_DAYS="30")
    service.until(lambda: ModelStore(service.redis).current() is not None, what="a model")

    def version():
        model = ModelStore(service.redis).current()
        return model.version

    def all_follow(wanted):
        versions = [beat.model_version for beat in service.beats()]
        return len(versions) == 2 and min(versions) >= wanted

    before = version()
    service.publish([order(f"new-{i}", "1998-06-30T00:00:00Z", 500.0) for i in range(200)])
    service.until(lambda: version() > before, what="a new version")
    wanted = version()
    # Two seconds, and one for the heartbeat that tells of it.
    service.until_within(3, lambda: all_follow(wanted), f"both workers have version {wanted}")
