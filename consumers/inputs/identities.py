"""The `identities` topic: which ids are one person from now on."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from consumers.inputs.bounds import EventBounds
from consumers.inputs.columns import Columns, Decoding, Names
from consumers.inputs.placeholder_ids import PlaceholderIds
from events.codec.column_decoder import ColumnDecoder
from events.codec.id_hashes import topic_seed
from events.schema.inputs import SAME_ID, Identity
from events.topics.specs import IDENTITIES

__all__ = ["IdentityColumns", "IdentityInput"]


@dataclass(frozen=True)
class IdentityColumns(Columns):
    """`previous_ids` (n,) go up in `customer_ids` (n,)."""

    previous_ids: Names


class IdentityInput:
    """Decodes merges of customers."""

    topic = IDENTITIES

    def __init__(self, max_bytes: int, bounds: EventBounds = EventBounds()) -> None:  # noqa: B008 - immutable
        self._bounds = bounds
        names = ("customer_id", "previous_id", "occurred_at")
        self._decoder = ColumnDecoder(Identity, names, max_bytes, hashed={"event_id": topic_seed(self.topic)})

    def decode(self, values: Sequence[bytes | None], latest_ms: int) -> Decoding:
        """Decode a slice; both ids have to name a customer, and not the same one."""
        read = self._decoder.decode(values)
        ids, previous = read["customer_id"], read["previous_id"]
        columns = IdentityColumns(ids, read["event_id"], read["occurred_at"], previous)
        rejections = self._bounds.check(columns, latest_ms)
        names = np.asarray(previous, object).tolist()
        rejections.at(self._bounds.placeholders.places(names), lambda i: PlaceholderIds.reason(names[i], "previous_id"))
        rejections.where(np.asarray(ids == previous, np.bool_), lambda _: SAME_ID)
        return rejections.split(columns, read.positions, read.rejections)
