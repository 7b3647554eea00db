"""The customer table from event files instead of Redis, by the worker's decoders and fold."""

import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd

from batch.data.crm_profiles import profile_frame
from batch.data.customer_table import CustomerTable
from batch.data.order_log_attributes import OrderLines, order_lines, purchase_details
from consumers.inputs.bounds import EventBounds
from consumers.inputs.columns import Columns
from consumers.inputs.currency_conversion import Money
from consumers.inputs.customers import ProfileColumns, ProfileInput
from consumers.inputs.orders import OrderColumns, OrderInput
from consumers.inputs.web_sessions import SessionInput
from events.arrays import Ints
from events.codec.struct_decoder import Rejection
from state.customers.records import blank_rows
from stream.customers.fold import fold, merge
from stream.customers.fold_profiles import fold_profiles

__all__ = ["CustomerTableBuilder"]


_FOLDED: Final = ("orders", "web-sessions", "customers")


class CustomerTableBuilder:
    """Takes in events of the input topics as JSON, in any order, and folds them into the records a worker would keep.

    A repeated `event_id` of a customer counts once, over the whole log. Topics without features are ignored.
    """

    def __init__(
        self,
        *,
        half_life_ms: float,
        attributes: Sequence[str] = (),
        currency: str = "",
        rates: Mapping[str, float] | None = None,
        max_bytes: int = 1_000_000,
        bounds: EventBounds = EventBounds(),  # noqa: B008 - immutable
    ) -> None:
        self._half_life_ms, self._attributes, self._bounds = half_life_ms, tuple(attributes), bounds
        money = Money(currency, rates or {}, adopt=lambda candidate: candidate)
        inputs: list[Any] = [
            OrderInput(money, max_bytes, bounds),
            SessionInput(max_bytes, bounds),
            ProfileInput(max_bytes, bounds=bounds),
        ]
        self._inputs = {each.topic: each for each in inputs}
        self._codes: dict[str, int] = {}
        self._parts: dict[str, list[tuple[Columns, Ints]]] = {topic: [] for topic in _FOLDED}
        self._lines: list[OrderLines] = []
        self.newest_ms = 0

    def add(self, topic: str, values: Sequence[bytes]) -> list[Rejection]:
        """Take in events of a topic; return those that a worker would dead-letter, with the reason."""
        if topic not in self._inputs or not values:
            return []
        wall_ms = time.time_ns() // 1_000_000
        decoding = self._inputs[topic].decode(values, wall_ms + self._bounds.future_ms)
        columns = decoding.columns
        if len(columns):
            self._parts[topic].append((columns, self._customers(columns)))
            self.newest_ms = max(self.newest_ms, int(columns.times.max()))
            if topic == "orders":
                self._lines.append(order_lines([values[place] for place in decoding.positions.tolist()]))
        return list(decoding.rejections)

    def table(self, now_ms: int | None = None) -> CustomerTable:
        """Return all customers at a time, by default that of the newest event, in the order of their ids."""
        n = len(self._codes)
        rows, documents = blank_rows(n), np.full(n, None, object)
        details = pd.DataFrame()
        for parts in self._parts.values():
            if not parts:
                continue
            columns, slots, fresh = _joined(parts)
            if isinstance(columns, ProfileColumns):
                partial, kept = fold_profiles(columns, slots, n, self._attributes)
                documents[list(kept)] = np.array(list(kept.values()), object)
            else:
                partial = fold(columns, slots, n, self._half_life_ms)
            rows = merge(rows, partial)
            if isinstance(columns, OrderColumns):
                details = purchase_details(columns, slots, n, OrderLines.joined(self._lines).take(fresh))
        ids = np.array(list(self._codes), object)
        order = np.argsort(ids, kind="stable")
        words = profile_frame(documents[order].tolist()) if self._parts["customers"] else pd.DataFrame()
        times = np.full(n, self.newest_ms if now_ms is None else now_ms, np.int64)
        details = details.loc[order].reset_index(drop=True) if len(details.columns) else details
        return CustomerTable(
            ids[order], rows[order], times, self._half_life_ms, self._attributes, words, details, population=n
        )

    def _customers(self, columns: Columns) -> Ints:
        """Return the code (n,) of each event's customer; a new customer gets the next one."""
        codes, names = pd.factorize(np.asarray(columns.customer_ids, object))
        known = [self._codes.setdefault(name, len(self._codes)) for name in names.tolist()]
        return np.array(known, np.int64)[codes]


def _joined(parts: list[tuple[Columns, Ints]]) -> tuple[Columns, Ints, Ints]:
    """Return the events of one topic without repeats, their customers, and their places among all events."""
    slots = np.concatenate([each for _, each in parts])
    fields: dict[str, Any] = {}
    first = parts[0][0]
    for name in first.__dataclass_fields__:
        values = [getattr(columns, name) for columns, _ in parts]
        fields[name] = [x for each in values for x in each] if isinstance(values[0], list) else np.concatenate(values)
    columns = type(first)(**fields)
    repeated = pd.DataFrame({"customer": slots, "event": columns.event_hashes}).duplicated().to_numpy()
    fresh = np.flatnonzero(~repeated)
    if repeated.any():
        columns, slots = columns.take(fresh), slots[fresh]
    return columns, slots, fresh
