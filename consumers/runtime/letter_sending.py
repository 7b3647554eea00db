"""Dead letters on their way: none about an erased customer; bytes that nobody can read go encrypted."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import redis

from consumers.dead_letters.customer_id_search import is_json, named_texts
from consumers.dead_letters.letter import RejectedMessage, dead_letter, letter_id
from consumers.dead_letters.sealed_values import SealedValues
from consumers.runtime.partition_batch import PartitionBatch
from consumers.runtime.protocols import Committer
from consumers.settings import ConsumerSettings
from events.settings import KafkaSettings
from state.erasures.tombstone_fence import TombstoneFence

__all__ = ["LetterSender", "SentLetter"]

_TOPIC: Final = "dead-letters"


class SentLetter(NamedTuple):
    """The key of a letter, and what it is about."""

    key: bytes
    rejected: RejectedMessage


class LetterSender:
    """Sends the letters of rejected messages. Without a fence nobody was erased, without seals nothing is encrypted."""

    def __init__(
        self, prefix: str = "", fence: TombstoneFence | None = None, seals: SealedValues | None = None
    ) -> None:
        self._prefix, self._fence, self._seals = prefix, fence, seals

    @classmethod
    def of(cls, client: redis.Redis, kafka: KafkaSettings, settings: ConsumerSettings) -> "LetterSender":
        """Return the sender of a service."""
        fence, seals = TombstoneFence(client, kafka.partitions), SealedValues(client, settings.unreadable_days)
        return cls(kafka.topic_prefix, fence, seals)

    def send(
        self, batch: PartitionBatch, rejected: Sequence[RejectedMessage], committer: Committer[Any], now_ms: int
    ) -> list[SentLetter]:
        """Queue the letters of messages that name no erased customer, and return them; the others count as `erased`.

        Raises SinkFailed, redis.RedisError.
        """
        sent, erased = [], self._about_erased(rejected)
        unreadable = {id(each) for each in rejected if not is_json(each.messages.values[each.position] or b"null")}
        if unreadable and self._seals is not None:
            self._seals.agree_on_key(now_ms)
        for each in rejected:
            if letter_id(each) in erased:
                topic = each.messages.topic.removeprefix(self._prefix)
                batch.count(topic, "dead_lettered", -1)
                batch.count(topic, "erased", 1)
                continue
            letter = dead_letter(each, now_ms, self._seals.seal if self._seals and id(each) in unreadable else None)
            sent.append(SentLetter(letter_id(each).encode(), each))
            committer.send_elsewhere(_TOPIC, sent[-1].key, letter)
        return sent

    def recall(self, sent: Sequence[SentLetter], committer: Committer[Any]) -> None:
        """Remove letters about customers who were erased while the letters were on their way.

        An erasure looks for letters after it has left the tombstone: it finds those that Kafka had by then, and this
        finds the tombstone for the others. Raises SinkFailed, redis.RedisError.
        """
        if not sent:
            return
        committer.confirm()
        erased = self._about_erased([each.rejected for each in sent])
        for key in (each.key for each in sent if each.key.decode() in erased):
            committer.send_elsewhere(_TOPIC, key, None)

    def _about_erased(self, rejected: Sequence[RejectedMessage]) -> set[str]:
        """Return the ids of letters that name an erased customer; looking for that costs nothing before the first."""
        if self._fence is None or not rejected or not self._fence.is_anybody_erased():
            return set()
        named = {letter_id(each): _texts(each) for each in rejected}
        erased = self._fence.erased_among(set().union(*named.values()))
        return {name for name, texts in named.items() if not erased.isdisjoint(texts)}


def _texts(rejected: RejectedMessage) -> set[str]:
    """Return the texts of a message that may be ids of customers."""
    messages, position, _ = rejected
    headers = (value for _, value in messages.headers(position))
    contents = (messages.keys[position], messages.values[position], *headers)
    return set().union(*(named_texts(each).texts for each in contents if each))
