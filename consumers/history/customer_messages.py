"""What a topic says of one customer: the messages with its key among the last of its partition."""

from collections.abc import Iterator

from consumers.broker.internal_messages import StoredMessage, stored_message
from consumers.broker.topic_reader import TopicReader
from events.settings import KafkaSettings

__all__ = ["messages_of_customer"]


def messages_of_customer(
    kafka: KafkaSettings, topic: str, partition: int, customer_id: str, most: int, timeout_s: float
) -> Iterator[StoredMessage]:
    """Yield the messages with the customer's key among the last `most` messages of a topic (its name without prefix).

    The end is the one that the broker reports. Raises KafkaUnreachable, where none answers within `timeout_s`.
    """
    source, key = (kafka.topic(topic), partition), customer_id.encode()
    with TopicReader(kafka, "customer-messages") as reader:
        _, end = reader.bounds([source], timeout_s)[source]
        for message in reader.read({source: max(0, end - most)}, {source: end}) if end else ():
            if message.key() == key:
                yield stored_message(message)
