"""What a topic says of one customer: the messages with its key among the last of its partition."""

from collections.abc import Iterator, Sequence

from consumers.broker.internal_messages import StoredMessage, stored_message
from consumers.broker.topic_reader import TopicReader
from events.settings import KafkaSettings
from events.topics.partitioning import partitions_of

__all__ = ["messages_of_customer"]


def messages_of_customer(
    kafka: KafkaSettings, topic: str, ids: Sequence[str], most: int, timeout_s: float
) -> Iterator[StoredMessage]:
    """Yield the messages with one of the customer's ids as key among the last `most` of a topic (without prefix).

    Ids that were merged into the customer may lie in other partitions: then `most` is for all of these together. The
    ends are those that the broker reports. Raises KafkaUnreachable, where none answers within `timeout_s`.
    """
    wanted = {each.encode() for each in ids}
    sources = [(kafka.topic(topic), each) for each in sorted(set(partitions_of(ids, kafka.partitions).tolist()))]
    with TopicReader(kafka, "customer-messages") as reader:
        ends = {source: end for source, (_, end) in reader.bounds(sources, timeout_s).items() if end}
        starts = {source: max(0, end - most // len(sources)) for source, end in ends.items()}
        for message in reader.read(starts, ends) if ends else ():
            if message.key() in wanted:
                yield stored_message(message)
