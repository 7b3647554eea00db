"""All partitions of the experiment consumer on a real Redis, with lists in the place of Kafka's partitions."""

import json
from collections import defaultdict

from consumers.broker.kafka_sink import SinkFailed
from consumers.inputs.currency_conversion import Money
from consumers.merges.messages import CustomerHandover, MergeDecision, decode_merge_message, encode_merge_message
from consumers.runtime.intake import Intake
from consumers.runtime.lane_processing import OwnedBatch, Processing
from consumers.runtime.merge_routing import MergeRouting
from consumers.tallies.commit import TallyCommitter
from consumers.tallies.definitions import Definitions
from consumers.tallies.handler import TallyHandler
from consumers.tallies.inputs import ConversionInput, ExposureInput, PurchaseInput
from consumers.tallies.service import EventTime
from consumers.tallies.settings import ExperimentSettings
from events.settings import KafkaSettings
from events.topics.partitioning import partition_of
from events.topics.specs import EXPERIMENT_TOPICS, merges_topic
from state.customers.merged_customers import MergedCustomers
from state.experiments.definitions import ExperimentStore
from state.experiments.tally_partitions import TallyPartitions
from state.experiments.tally_store import TallyStore
from state.store import keys
from tests.building import topic_slice

LOST, SENT = "lost", "sent"
FAR_MS = 4_000_000_000_000
MERGES = merges_topic(keys.EXPERIMENTS_GROUP)


class MergingConsumer:
    """Reads what is published whenever it is told to.

    `fails` says, each time that Kafka is waited for, whether that fails, and what becomes of what was sent: `LOST` or
    `SENT`, both of which a worker has to reckon with.
    """

    def __init__(self, redis, partitions=2, *, window=256, fails=lambda: None, **settings):
        self.partitions, self._fails = partitions, fails
        self.published, self._unconfirmed = defaultdict(list), []
        self.store, self.failures = TallyPartitions(redis), 0
        definitions = Definitions(ExperimentStore(redis), 0.0)
        kafka, money = KafkaSettings(partitions=partitions), Money("EUR", {}, str)
        handler = TallyHandler(self.store, definitions, ExperimentSettings(**settings), window)
        inputs = [
            PurchaseInput(money, 1 << 20),
            ConversionInput(definitions, money, 1 << 20),
            ExposureInput(definitions, 1 << 20),
        ]
        self._committer = TallyCommitter(self.store, self)
        self._intake = Intake(kafka, inputs, 0, merges=MERGES)
        routing = MergeRouting(keys.EXPERIMENTS_GROUP, MergedCustomers(redis, keys.EXPERIMENTS_GROUP, partitions))
        self._processing = Processing(kafka, handler.load, [self._committer], handler, EventTime(), routing)
        self._tallies = TallyStore(redis)
        self.owned = {partition: self.store.claim(partition) for partition in range(partitions)}

    def send(self, topic, key, value, partition=-1, headers=None):
        """Publish a message, as the committer's sink."""
        assert topic in EXPERIMENT_TOPICS, f"a message on {topic}: {value}"
        self._unconfirmed.append((topic, key, value))

    def flush(self):
        """Wait for Kafka, as the committer's sink."""
        failure, sent, self._unconfirmed = self._fails(), self._unconfirmed, []
        for each in sent if failure != LOST else []:
            self._append(*each)
        if failure:
            raise SinkFailed("Kafka did not answer")

    def _append(self, topic, key, value):
        self.published[topic, partition_of(key.decode(), self.partitions)].append((key, value))

    def publish(self, topic, event):
        """Publish an event."""
        self._append(topic, event["customer_id"].encode(), json.dumps(event).encode())

    def merge(self, previous, survivor):
        """Say that the owner of the topic `identities` has decided on a merge."""
        self._append(MERGES, previous.encode(), encode_merge_message(MergeDecision(previous, survivor)))

    def hand_over_again(self):
        """Publish a handover again that was published last, as a worker does that was taken for dead."""
        found = [
            (key, value)
            for messages in self.published.values()
            for key, value in messages
            if b'"handover"' in value and isinstance(decode_merge_message(value), CustomerHandover)
        ]
        for key, value in found[-1:]:
            self._append(MERGES, key, value)

    def unread(self, topic, partition):
        """How many messages have not been read."""
        return len(self.published[topic, partition]) - self.owned[partition].offsets.get(topic, 0)

    def take(self, partition, counts):
        """Carry out a micro-batch of so many messages of each topic; where that fails, claim the partition again."""
        owned, slices = self.owned[partition], []
        for topic, count in counts.items():
            start = owned.offsets.get(topic, 0)
            found = self.published[topic, partition][start : start + count]
            if found:
                slices.append(topic_slice(topic, [(partition, start + i, *each) for i, each in enumerate(found)]))
        batches, rejected = self._intake.batches(slices, {partition: owned}, FAR_MS)
        try:
            self._processing(0, [OwnedBatch(owned, batch, rejected.get(partition, [])) for batch in batches])
        except SinkFailed:
            self.failures += 1
            self._claim(partition)

    def _claim(self, partition):
        fails, self._fails = self._fails, lambda: None
        self.owned[partition] = self.store.claim(partition)
        self._committer.resend_outbox(self.owned[partition])
        self._fails = fails

    def take_everything(self):
        """Read on until nothing is left, also of what the partitions send each other."""
        while any(self.unread(*place) for place in [(t, p) for t in EXPERIMENT_TOPICS for p in range(self.partitions)]):
            for partition in range(self.partitions):
                self.take(partition, dict.fromkeys(EXPERIMENT_TOPICS, 1_000))

    def outcomes(self, topic):
        """How many events of a topic met which outcome, in all partitions."""
        total = defaultdict(int)
        for owned in self.owned.values():
            for name, count in owned.outcome_counts.items():
                if name.startswith(f"{topic}:") and count:
                    total[name.removeprefix(f"{topic}:")] += count
        return {name: count for name, count in total.items() if count}

    def read(self, experiment_id):
        """The tallies without empty cells and empty counts, as the oracle gives them."""
        reading = self._tallies.read(experiment_id, self.partitions)
        cells = {cell: values for cell, values in reading.cells.items() if any(values)}
        return cells, {reason: count for reason, count in reading.left_out.items() if count}
