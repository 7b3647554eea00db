"""Everything that is held about one person as one document, to be given to that person."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec
import redis

from consumers.dead_letters.letter_content import is_about
from consumers.dead_letters.stored_letters import DeadLetterLog
from consumers.history.customer_messages import messages_of_customer
from consumers.history.segment_changes_reader import changes_of_customer
from events.codec.instants import rfc3339
from events.settings import KafkaSettings
from events.topics.specs import EXPERIMENT_INPUTS, SEGMENT_INPUTS
from queries.customers.customer_and_segment_json import CustomerUnknown
from queries.customers.customer_lookup import CustomerLookup
from queries.operations.dead_letter_json import dead_letter_json
from queries.subject_access.held_campaign_data import add_campaign_data
from queries.subject_access.held_data import HeldData, readable
from queries.subject_access.held_experiment_data import add_experiment_data
from queries.subject_access.held_records import add_records
from state.customers.merged_customers import ids_of_person

__all__ = ["PersonalData"]

_ALL: Final = 1 << 62
_KAFKA_S: Final = 10.0


class PersonalData:
    """Reads what Redis and Shoal's own topics hold of a person, and on request the events that were published."""

    def __init__(self, client: redis.Redis, customers: CustomerLookup, kafka: KafkaSettings) -> None:
        self._client, self._customers, self._kafka = client, customers, kafka
        self._letters = DeadLetterLog(kafka, client)

    def document(self, customer_id: str, now_ms: int, *, events: bool = False) -> dict[str, Any]:
        """Return all that is held of a person under all its ids, as JSON values.

        `redis_keys` says by key which section tells what it holds. With `events` the input topics are read too, from
        their beginning, which takes as long as they are. Raises CustomerUnknown where nothing is held,
        KafkaUnreachable.
        """
        ids = ids_of_person(self._client, customer_id)
        held = HeldData()
        add_records(held, self._client, ids, self._kafka.partitions)
        add_campaign_data(held, self._client, ids)
        add_experiment_data(held, self._client, ids, self._kafka.partitions)
        changes = changes_of_customer(self._kafka, ids, _ALL, _KAFKA_S)
        letters = [each for each in self._letters.read() if any(is_about(each, name) for name in ids)]
        published = list(self._events(ids)) if events else None
        if not (held.keys or changes or letters or published):
            raise CustomerUnknown(f"nothing is held about {customer_id!r}")
        return {
            "customer_id": ids[0],
            "requested_id": customer_id,
            "ids": ids,
            "as_of": rfc3339(now_ms),
            "customer": self._customer(customer_id),
            **held.sections,
            "segment_changes": [msgspec.to_builtins(each) for each in changes],
            "dead_letters": [dead_letter_json(each) for each in letters],
            "events": published,
            "redis_keys": held.keys,
        }

    def _customer(self, customer_id: str) -> dict[str, Any] | None:
        try:
            return self._customers.document(customer_id, personal=True)
        except CustomerUnknown:
            return None

    def _events(self, ids: Sequence[str]) -> Iterator[dict[str, Any]]:
        for topic in dict.fromkeys((*SEGMENT_INPUTS, *EXPERIMENT_INPUTS)):
            for message in messages_of_customer(self._kafka, topic, ids, _ALL, _KAFKA_S):
                value = None if message.value is None else readable(message.value)
                yield {"topic": topic, "partition": message.partition, "offset": message.offset, "value": value}
