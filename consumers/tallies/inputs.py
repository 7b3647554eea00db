"""The three inputs of the experiment consumer in columns: exposures, conversions, and orders with their ids."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from consumers.inputs.bounds import EventBounds
from consumers.inputs.columns import Columns, Decoding
from consumers.inputs.currency_conversion import NO_CURRENCY, Money
from consumers.inputs.orders import OrderColumns, OrderInput
from consumers.tallies.definitions import Definitions, LiveExperiment
from events.arrays import Flags, Ints
from events.codec.amount_columns import currency_number, currency_text
from events.codec.column_decoder import ABSENT, ColumnDecoder, DecodedColumns
from events.codec.id_hashes import topic_seed
from events.schema.inputs import Conversion, Exposure
from state.experiments.enrolments import experiment_hash
from state.experiments.purchase_logs import CONVERSION, ENTRY

__all__ = ["ConversionInput", "ExposureColumns", "ExposureInput", "LoggedColumns", "LoggedOrders", "PurchaseInput"]


@dataclass(frozen=True)
class ExposureColumns(Columns):
    """`experiments` are codes of `Definitions`, `variants` positions in the definition's variants.

    `merged` says which were published under an id that was merged into the customer's.
    """

    experiments: Ints
    variants: Ints
    merged: Flags

    def of_merged_ids(self) -> "ExposureColumns":
        """Return the same events as those that were published under ids which were merged into others."""
        return replace(self, merged=np.ones(len(self), np.bool_))


@dataclass(frozen=True)
class LoggedColumns(Columns):
    """Conversions as entries of purchase logs (n,) of `ENTRY`."""

    entries: npt.NDArray[Any]


@dataclass(frozen=True)
class LoggedOrders(OrderColumns):
    """Orders as entries of purchase logs (n,) of `ENTRY`."""

    entries: npt.NDArray[Any]


class PurchaseInput(OrderInput):
    """Decodes orders as entries of purchase logs."""

    def columns(self, read: DecodedColumns, amounts: Ints) -> LoggedOrders:
        """Return what was read as columns."""
        plain = super().columns(read, amounts)
        entries = _entries(plain.times, plain.kinds.astype(np.int64), plain.event_hashes, amounts, plain.order_hashes)
        return LoggedOrders(**vars(plain), entries=entries)


class ExposureInput:
    """Decodes exposures; those of unknown experiments and variants are rejected."""

    topic = "exposures"

    def __init__(self, definitions: Definitions, max_bytes: int, bounds: EventBounds = EventBounds()) -> None:  # noqa: B008
        self._definitions, self._bounds = definitions, bounds
        names = ("customer_id", "occurred_at", "experiment", "variant")
        self._decoder = ColumnDecoder(Exposure, names, max_bytes, hashed={"event_id": topic_seed(self.topic)})

    def decode(self, values: Sequence[bytes | None], latest_ms: int) -> Decoding:
        """Decode a slice. Raises redis.RedisError where definitions have to be read."""
        read = self._decoder.decode(values)
        named = list(zip(read["experiment"], read["variant"], strict=True))
        positions = _variant_positions(self._definitions.current())
        if any(pair not in positions for pair in set(named)):
            # Whoever creates an experiment may expose customers to it at once.
            positions = _variant_positions(self._definitions.refresh())
        columns = ExposureColumns(
            read["customer_id"],
            read["event_id"],
            read["occurred_at"],
            np.fromiter(map(self._definitions.code, read["experiment"]), np.int64, len(read)),
            np.fromiter((positions.get(pair, -1) for pair in named), np.int64, len(read)),
            np.zeros(len(read), np.bool_),
        )
        rejections = self._bounds.check(columns, latest_ms)
        known = {experiment for experiment, _ in positions}
        rejections.where(columns.variants < 0, lambda i: _unknown_variant(*named[i], known))
        return rejections.split(columns, read.positions, read.rejections)


class ConversionInput:
    """Decodes conversions; those that name an unknown experiment are rejected."""

    topic = "conversions"

    def __init__(
        self,
        definitions: Definitions,
        money: Money,
        max_bytes: int,
        bounds: EventBounds = EventBounds(),  # noqa: B008 - immutable
    ) -> None:
        self._definitions, self._money, self._bounds = definitions, money, bounds
        self._plain = Money(NO_CURRENCY, {}, str)
        names = ("customer_id", "occurred_at", "experiment", "value", "currency")
        self._decoder = ColumnDecoder(Conversion, names, max_bytes, hashed={"event_id": topic_seed(self.topic)})

    def decode(self, values: Sequence[bytes | None], latest_ms: int) -> Decoding:
        """Decode a slice. Raises redis.RedisError where definitions have to be read."""
        read = self._decoder.decode(values)
        named = read["experiment"].tolist()
        live = self._definitions.current()
        if set(named) - live.keys() - {None}:
            live = self._definitions.refresh()
        hashes = {name: experiment_hash(name) if name else 0 for name in set(named)}
        amounts, unconvertible = self._amounts(read)
        event_ids = read["event_id"]
        of = np.fromiter(map(hashes.__getitem__, named), np.uint64, len(read))
        entries = _entries(read["occurred_at"], np.full(len(read), CONVERSION), event_ids, amounts, of)
        columns = LoggedColumns(read["customer_id"], event_ids, read["occurred_at"], entries)
        rejections = self._bounds.check(columns, latest_ms)
        rejections.where(
            unconvertible, lambda i: self._money.reason(currency_text(read["currency"][i])).replace("amount", "value")
        )
        unknown = np.fromiter((name is not None and name not in live for name in named), np.bool_, len(read))
        rejections.where(unknown, lambda i: _unknown_experiment(named[i]))
        return rejections.split(columns, read.positions, read.rejections)

    def _amounts(self, read: DecodedColumns) -> tuple[Ints, Flags]:
        """Return values in thousandths, and which could not be converted; no value is 0."""
        values, currencies = read["value"], read["currency"]
        stated = np.flatnonzero(currencies != ABSENT)
        plain = np.full(len(read), currency_number(NO_CURRENCY))
        amounts, unconvertible = self._plain.thousandths(values, plain)
        if len(stated):
            amounts = amounts.copy()
            amounts[stated], unconvertible[stated] = self._money.thousandths(values.take(stated), currencies[stated])
        return amounts, unconvertible


def _entries(
    times: Ints,
    kinds: Ints,
    events: npt.NDArray[np.uint64],
    amounts: Ints,
    of: npt.NDArray[np.uint64],
) -> npt.NDArray[Any]:
    entries = np.empty(len(times), ENTRY)
    entries["stamp"], entries["event"], entries["amount"], entries["of"] = times << 2 | kinds, events, amounts, of
    return entries


def _variant_positions(live: dict[str, LiveExperiment]) -> dict[tuple[str, str], int]:
    return {(name, variant): i for name, each in live.items() for i, variant in enumerate(each.variants)}


def _unknown_variant(experiment: str, variant: str, known: set[str]) -> str:
    if experiment not in known:
        return _unknown_experiment(experiment)
    return f"variant: {variant!r} is none of the variants of experiment {experiment!r}"


def _unknown_experiment(experiment: str) -> str:
    return f"experiment: there is no experiment {experiment!r}; create it, then replay this dead letter"
