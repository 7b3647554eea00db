"""What the partitions of a consumer group tell each other of merges, on a topic of the group (`merges_topic`).

A merge is three kinds of messages. The owner of partition 0, which decides on all merges in one order, tells the
partition of the previous id that it is merged (`MergeDecision`). That partition ends its record, leaves a pointer to
the survivor, and hands what it knew over to the survivor's partition (`CustomerHandover`). Events of the previous id
that come later follow the pointer (`ForwardedEvent`).

Each group does so for itself: what one has folded in before a merge, the other may find after it.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

import msgspec

from events.base_error import ShoalError

__all__ = [
    "CustomerHandover",
    "ForwardedEvent",
    "MergeDecision",
    "MergeMessage",
    "MergeMessageUnreadable",
    "Merges",
    "decode_merge_message",
    "encode_merge_message",
    "with_customer_id",
]


class MergeMessageUnreadable(ShoalError):
    """A message on the topic of merges is none."""


class _Message(msgspec.Struct, frozen=True, tag_field="kind"):
    previous_id: str
    customer_id: str


class MergeDecision(_Message, frozen=True, tag="decision"):
    """From now on `previous_id` is `customer_id`."""


class CustomerHandover(_Message, frozen=True, tag="handover"):
    """All that was known of `previous_id`: `parts` by what they are, and the ids that had gone up in it before."""

    parts: dict[str, bytes] = {}
    aliases: list[str] = []


class ForwardedEvent(_Message, frozen=True, tag="event"):
    """An event of `previous_id` with the survivor's id in its place, and its headers packed; `topic` has no prefix."""

    topic: str
    value: bytes
    headers: bytes = b""


MergeMessage = MergeDecision | CustomerHandover | ForwardedEvent

_decoder = msgspec.json.Decoder(MergeMessage)
_fields = msgspec.json.Decoder(dict[str, msgspec.Raw])
encode_merge_message = msgspec.json.Encoder().encode


def decode_merge_message(value: bytes | None) -> MergeMessage:
    """Read a message. Raises MergeMessageUnreadable."""
    try:
        message: MergeMessage = _decoder.decode(value or b"")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MergeMessageUnreadable(f"this is no message about a merge: {error}") from error
    return message


def with_customer_id(value: bytes, customer_id: str) -> bytes:
    """Return the JSON of an event with another customer id; all other fields keep their bytes.

    >>> with_customer_id(b'{"customer_id": "a", "amount": 1.50}', "b")
    b'{"customer_id":"b","amount":1.50}'
    """
    content = _fields.decode(value.removeprefix(b"\xef\xbb\xbf"))
    content["customer_id"] = msgspec.Raw(msgspec.json.encode(customer_id))
    return msgspec.json.encode(content)


@dataclass
class Merges:
    """What a micro-batch of a partition has to do with merges.

    `decisions` are about customers who are known here, `unknown` about others. `handovers` bring records to customers
    of the partition; `absorbed` are by customer the ids that go up in it now, `aliases` all that ever have. `published`
    are customers whose merge is a published change already: Redis had lost it.
    """

    decisions: list[MergeDecision] = field(default_factory=list)
    unknown: list[MergeDecision] = field(default_factory=list)
    handovers: list[CustomerHandover] = field(default_factory=list)
    absorbed: dict[str, set[str]] = field(default_factory=dict)
    aliases: dict[str, set[str]] = field(default_factory=dict)
    published: set[str] = field(default_factory=set)

    def __bool__(self) -> bool:
        return bool(self.decisions or self.unknown or self.handovers or self.absorbed)

    def add(self, messages: Iterable[MergeDecision | CustomerHandover]) -> None:
        """Add messages."""
        for each in messages:
            if isinstance(each, MergeDecision):
                self.decisions.append(each)
            else:
                self.handovers.append(each)
