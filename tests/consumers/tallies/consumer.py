"""One partition of the experiment consumer on a real Redis, fed by hand: no Kafka."""

import json
from datetime import timedelta

from consumers.dead_letters.letter import dead_letter
from consumers.inputs.currency_conversion import Money
from consumers.runtime.intake import Intake
from consumers.runtime.protocols import Commit, Loaded, LoadRequest
from consumers.tallies.commit import TallyCommitter
from consumers.tallies.definitions import Definitions
from consumers.tallies.handler import TallyHandler
from consumers.tallies.inputs import ConversionInput, ExposureInput, PurchaseInput
from consumers.tallies.settings import ExperimentSettings
from events.settings import KafkaSettings
from experiments.definition import Experiment
from state.experiments.definitions import ExperimentStore
from state.experiments.tally_partitions import TallyPartitions
from state.experiments.tally_store import TallyStore
from tests.building import Sink, topic_slice

FAR_MS = 4_000_000_000_000


def define(redis, definition):
    """Store an experiment, given as the oracle takes it."""
    lengths = {"conversion_window": timedelta(days=definition["window_days"])}
    known = {name: value for name, value in definition.items() if name != "window_days"}
    text = Experiment.model_validate({**known, **lengths}).model_dump_json()
    store = ExperimentStore(redis)
    old = store.get(definition["id"])
    assert store.create(definition["id"], text) if old is None else store.replace(definition["id"], text, old)


class Consumer:
    """Takes micro-batches of (topic, event) pairs; an event may also be bytes."""

    def __init__(self, redis, *, window=256, **settings):
        self.redis = redis
        self.sink = Sink()
        self.store = TallyPartitions(redis)
        self.definitions = Definitions(ExperimentStore(redis), 0.0)
        self.handler = TallyHandler(self.store, self.definitions, ExperimentSettings(**settings), window)
        self.committer = TallyCommitter(self.store, self.sink)
        self.owned = self.store.claim(0)
        money = Money("EUR", {}, str)
        inputs = [
            PurchaseInput(money, 1 << 20),
            ConversionInput(self.definitions, money, 1 << 20),
            ExposureInput(self.definitions, 1 << 20),
        ]
        self.intake = Intake(KafkaSettings(partitions=1), inputs, 0)

    def take(self, events):
        """Carry out one micro-batch as the runtime does."""
        by_topic = {}
        for topic, event in events:
            by_topic.setdefault(topic, []).append(event if isinstance(event, bytes) else json.dumps(event).encode())
        slices = [
            topic_slice(
                topic,
                [(0, self.owned.offsets.get(topic, 0) + i, b"key", value) for i, value in enumerate(values)],
            )
            for topic, values in by_topic.items()
        ]
        batches, refused = self.intake.batches(slices, {0: self.owned}, FAR_MS)
        for batch in batches:
            ids, slots = batch.customer_ids()
            (loaded,) = self.handler.load([LoadRequest(self.owned, ids, batch, slots)])
            for each in refused.get(0, []):
                self.committer.send_elsewhere("dead-letters", None, dead_letter(each, 0))
            columns = {topic: part.columns for topic, part in batch.events.items()}
            (result,) = self.handler.apply([Loaded(self.owned, loaded, columns, slots, 0)])
            for topic, part in batch.events.items():
                for event_outcome, count in result.outcome_counts.get(topic, {}).items():
                    batch.count(topic, event_outcome, count)
                batch.count(topic, "applied", len(part.columns) - sum(result.outcome_counts.get(topic, {}).values()))
            self.committer.begin([Commit(self.owned, result, batch.offsets, batch.outcome_counts, batch.latest_ms())])

    def read(self, experiment_id):
        """The tallies without empty cells and empty counts, as the oracle gives them."""
        reading = TallyStore(self.redis).read(experiment_id, 1)
        cells = {cell: values for cell, values in reading.cells.items() if any(values)}
        return cells, {reason: count for reason, count in reading.left_out.items() if count}
