"""The leader: it adds up only what is complete, and publishes only what is new."""

import numpy as np
import pytest

from consumers.broker.kafka_sink import SinkFailed
from events.schema.outputs import ModelVersion
from state.customers.records import CustomerBatch
from state.model.baselines import BaselineStore, ModelStore, PartitionSums
from state.partitions.model_sums import ModelSums
from state.partitions.partition_store import PartitionStore, PartitionUpdate
from stream.model.model_publisher import ModelPublisher, total_sums
from tests.building import NOW, Sink, equal_sums, ints, make_baseline

K, D = 3, 3


def sums_of(*members):
    """Sums of members given as (cluster, value of every feature)."""
    vectors = np.array([[value] * D for _, value in members], np.float64).reshape(-1, D)
    return ModelSums.of(vectors, ints([cluster for cluster, _ in members]), K)


def part(*members, baseline=4, swept=4):
    return PartitionSums(baseline, swept, sums_of(*members))


class TestAddUp:
    baseline = make_baseline(4)

    def test_the_sums_of_all_partitions_are_added(self):
        total = total_sums(self.baseline, [part((0, 1.0), (1, 2.0)), part((0, 3.0)), part()])
        assert equal_sums(total, sums_of((0, 1.0), (1, 2.0), (0, 3.0)))

    def test_the_order_of_the_partitions_does_not_matter(self):
        parts = [part((0, i * 2.0**-20)) for i in range(50)]
        assert equal_sums(total_sums(self.baseline, parts), total_sums(self.baseline, parts[::-1]))

    @pytest.mark.parametrize(
        "incomplete",
        [
            part((0, 1.0), baseline=3, swept=3),
            part((0, 1.0), swept=3),
            part((0, 1.0), swept=0),
            part((0, 1.0), baseline=5, swept=4),
            part((0, 1.0), baseline=5, swept=5),
        ],
        ids=["still under the last", "still moving over", "never swept", "begun the next", "under the next"],
    )
    def test_there_is_no_sum_while_a_partition_is_not_complete_under_the_baseline(self, incomplete):
        assert total_sums(self.baseline, [part((0, 1.0)), incomplete, part((1, 1.0))]) is None

    def test_there_is_no_sum_of_no_partitions(self):
        assert total_sums(self.baseline, []) is None

    def test_partitions_of_sums_are_only_read(self):
        parts = [part((0, 1.0)), part((0, 2.0))]
        total_sums(self.baseline, parts)
        assert equal_sums(parts[0].sums, sums_of((0, 1.0)))


class TestPublish:
    @pytest.fixture
    def sink(self):
        return Sink()

    @pytest.fixture
    def leader(self, redis, sink):
        return ModelPublisher(BaselineStore(redis), ModelStore(redis), sink, partitions=4)

    def put(self, redis, partition, *members, baseline=1, swept=1):
        store = PartitionStore(redis, "segments")
        sums = sums_of(*members)
        store.save(
            store.claim(partition), PartitionUpdate(CustomerBatch.blank([]), {}, baseline, sums, swept, {}, {}, 0, [])
        )

    def test_there_is_nothing_to_publish_before_the_first_baseline(self, redis, leader, sink):
        self.put(redis, 0, (0, 1.0), baseline=0, swept=0)
        assert leader.publish(NOW) is None
        assert sink.sent == []

    def test_the_model_is_the_mean_of_all_members_and_counts_them(self, redis, leader, sink):
        BaselineStore(redis).approve(make_baseline(1))
        self.put(redis, 0, (0, -2.0), (0, -1.0), (1, 0.5))
        self.put(redis, 3, (0, -3.0))
        model = leader.publish(NOW)
        assert (model.version, model.baseline, model.updated_at) == (1, 1, NOW)
        assert model.centroids == [[-2.0] * 3, [0.5] * 3, [1.0, -1.0, -1.0]], "one without members stays"
        assert model.counts == [3, 1, 0]
        assert ModelStore(redis).current() == model

    def test_what_is_published_is_waited_for_under_one_key(self, redis, leader, sink):
        BaselineStore(redis).approve(make_baseline(1))
        self.put(redis, 0, (0, -2.0))
        model = leader.publish(NOW)
        ((topic, key, value),) = sink.sent
        assert (topic, key, sink.flushed) == ("models", b"current", 1)
        assert ModelVersion.model_validate_json(value) == model

    def test_nothing_is_published_while_a_partition_is_not_complete(self, redis, leader, sink):
        BaselineStore(redis).approve(make_baseline(1))
        self.put(redis, 0, (0, -2.0))
        self.put(redis, 1, (0, -2.0), swept=0)
        assert leader.publish(NOW) is None
        self.put(redis, 1, (0, -2.0), swept=1)
        assert leader.publish(NOW).version == 1

    def test_a_model_is_published_again_only_when_it_changed(self, redis, leader, sink):
        BaselineStore(redis).approve(make_baseline(1))
        self.put(redis, 0, (0, -2.0))
        assert leader.publish(NOW).version == 1
        assert leader.publish(NOW) is None
        self.put(redis, 0, (0, -2.5))
        assert leader.publish(NOW).version == 2
        assert len(sink.sent) == 2

    def test_a_model_that_kafka_did_not_take_is_published_again_though_nothing_changed(self, redis):
        """Else running workers would keep the centroids before it for as long as the shop is quiet."""

        class FailingOnce(Sink):
            def flush(self):
                if self.sent and not self.flushed:
                    self.flushed, self.sent = -1, []
                    raise SinkFailed("no answer")
                super().flush()

        BaselineStore(redis).approve(make_baseline(1))
        self.put(redis, 0, (0, -2.0))
        sink = FailingOnce()
        leader = ModelPublisher(BaselineStore(redis), ModelStore(redis), sink, partitions=4)
        with pytest.raises(SinkFailed):
            leader.publish(NOW)
        assert ModelStore(redis).current().version == 1
        assert [leader.publish(NOW), leader.publish(NOW)] == [None, None]
        assert [ModelVersion.model_validate_json(value).version for _, _, value in sink.sent] == [1]

    def test_a_new_leader_says_once_what_the_last_one_may_not_have_said(self, redis, leader):
        BaselineStore(redis).approve(make_baseline(1))
        self.put(redis, 0, (0, -2.0))
        model = leader.publish(NOW)
        sink = Sink()
        heir = ModelPublisher(BaselineStore(redis), ModelStore(redis), sink, partitions=4)
        assert [heir.publish(NOW), heir.publish(NOW)] == [None, None]
        assert [ModelVersion.model_validate_json(value) for _, _, value in sink.sent] == [model]

    def test_versions_go_on_counting_under_a_new_baseline(self, redis, leader):
        BaselineStore(redis).approve(make_baseline(1))
        self.put(redis, 0, (0, -2.0))
        leader.publish(NOW)
        BaselineStore(redis).approve(make_baseline(2))
        assert leader.publish(NOW) is None
        self.put(redis, 0, (0, -2.0), baseline=2, swept=2)
        model = leader.publish(NOW)
        assert (model.version, model.baseline) == (2, 2)

    def test_the_slower_of_two_leaders_publishes_nothing(self, redis, leader, sink):
        """The other stores its version after this one looked."""
        BaselineStore(redis).approve(make_baseline(1))
        self.put(redis, 0, (0, -2.0))
        other = ModelPublisher(BaselineStore(redis), ModelStore(redis), Sink(), partitions=4)

        class LateStore(ModelStore):
            def current(self):
                found = super().current()
                other.publish(NOW)
                return found

        late = ModelPublisher(BaselineStore(redis), LateStore(redis), sink, partitions=4)
        assert late.publish(NOW) is None
        assert sink.sent == []
        assert ModelStore(redis).current().version == 1
