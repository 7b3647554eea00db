"""The three inputs of the experiment consumer in columns: exposures, conversions, and orders with their ids."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import xxhash

from consumers.columns import Columns, Decoding, Refusals, column, event_hashes, names_column
from consumers.money import Money
from consumers.orders import OrderColumns, OrderInput
from consumers.tallies.definitions import Definitions, LiveExperiment, experiment_hash
from events.codec import BatchDecoder
from events.inputs import Conversion, Exposure
from state.purchases import CONVERSION, ENTRY

__all__ = ["ConversionInput", "ExposureColumns", "ExposureInput", "LoggedColumns", "LoggedOrders", "PurchaseInput"]

_NO_CURRENCY: Final = "XXX"
"""ISO 4217's code for no currency: what an amount without one is in is the shop's."""


@dataclass(frozen=True)
class ExposureColumns(Columns):
    """`experiments` are codes of `Definitions`, `variants` places in the definition's variants."""

    experiments: npt.NDArray[np.int64]
    variants: npt.NDArray[np.int64]


@dataclass(frozen=True)
class LoggedColumns(Columns):
    """Conversions as entries of purchase logs (n,) of `ENTRY`."""

    entries: npt.NDArray[Any]


@dataclass(frozen=True)
class LoggedOrders(OrderColumns):
    """Orders as entries of purchase logs (n,) of `ENTRY`."""

    entries: npt.NDArray[Any]


class PurchaseInput(OrderInput):
    """Decodes orders with the hashes of their ids, since a refund takes back what its order brought."""

    def columns(
        self, events: Sequence[Any], times: npt.NDArray[np.int64], amounts: npt.NDArray[np.int64]
    ) -> LoggedOrders:
        """Return the events as columns."""
        plain = super().columns(events, times, amounts)
        of = np.fromiter(
            map(xxhash.xxh3_64_intdigest, map(str.encode, column(events, "order_id"))), np.uint64, len(events)
        )
        entries = _entries(times, plain.kinds.astype(np.int64), plain.event_hashes, amounts, of)
        return LoggedOrders(plain.customer_ids, plain.event_hashes, times, plain.kinds, amounts, entries)


class ExposureInput:
    """Decodes exposures; those of unknown experiments and variants are refused."""

    topic = "exposures"

    def __init__(self, definitions: Definitions, max_bytes: int) -> None:
        self._definitions = definitions
        self._decoder = BatchDecoder(Exposure, max_bytes, instants=("occurred_at",))

    def decode(self, values: Sequence[bytes | None], latest_ms: int) -> Decoding:
        """Decode a slice. Raises redis.RedisError where definitions have to be read."""
        decoded = self._decoder.decode(values)
        events = decoded.events
        named = list(zip(column(events, "experiment"), column(events, "variant"), strict=True))
        places = _places(self._definitions.current())
        if any(pair not in places for pair in set(named)):
            # Whoever creates an experiment may expose customers to it at once.
            places = _places(self._definitions.refresh())
        times = decoded.instants["occurred_at"]
        columns = ExposureColumns(
            names_column(events, "customer_id"),
            event_hashes(column(events, "event_id"), self.topic),
            times,
            np.fromiter(map(self._definitions.code, column(events, "experiment")), np.int64, len(events)),
            np.fromiter((places.get(pair, -1) for pair in named), np.int64, len(events)),
        )
        refusals = Refusals(len(events))
        refusals.times(times, latest_ms)
        known = {experiment for experiment, _ in places}
        refusals.where(columns.variants < 0, lambda i: _unplaced(*named[i], known))
        return refusals.split(columns, decoded.positions, decoded.rejections)


class ConversionInput:
    """Decodes conversions; those that name an unknown experiment are refused."""

    topic = "conversions"

    def __init__(self, definitions: Definitions, money: Money, max_bytes: int) -> None:
        self._definitions, self._money = definitions, money
        self._plain = Money(_NO_CURRENCY, {}, str)
        self._decoder = BatchDecoder(Conversion, max_bytes, instants=("occurred_at",))

    def decode(self, values: Sequence[bytes | None], latest_ms: int) -> Decoding:
        """Decode a slice. Raises redis.RedisError where definitions have to be read."""
        decoded = self._decoder.decode(values)
        events, times = decoded.events, decoded.instants["occurred_at"]
        named = column(events, "experiment")
        live = self._definitions.current()
        if set(named) - live.keys() - {None}:
            live = self._definitions.refresh()
        hashes = {name: experiment_hash(name) if name else 0 for name in set(named)}
        amounts, unconvertible, currencies = self._amounts(events)
        event_ids = event_hashes(column(events, "event_id"), self.topic)
        of = np.fromiter(map(hashes.__getitem__, named), np.uint64, len(events))
        kinds = np.full(len(events), CONVERSION)
        entries = _entries(times, kinds, event_ids, amounts, of)
        columns = LoggedColumns(names_column(events, "customer_id"), event_ids, times, entries)
        refusals = Refusals(len(events))
        refusals.times(times, latest_ms)
        refusals.where(unconvertible, lambda i: self._money.reason(currencies[i]).replace("amount", "value"))
        unknown = np.fromiter((name is not None and name not in live for name in named), np.bool_, len(events))
        refusals.where(unknown, lambda i: _unknown(named[i]))
        return refusals.split(columns, decoded.positions, decoded.rejections)

    def _amounts(self, events: Sequence[Any]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_], list[str]]:
        """Return values in thousandths, which could not be converted, and the currencies; no value is 0."""
        values = [0 if value is None else value for value in column(events, "value")]
        currencies = [code or "" for code in column(events, "currency")]
        stated = np.fromiter(map(bool, currencies), np.bool_, len(events))
        amounts, unconvertible = self._plain.thousandths(values, [_NO_CURRENCY] * len(events))
        if stated.any():
            places = np.flatnonzero(stated).tolist()
            found = self._money.thousandths([values[i] for i in places], [currencies[i] for i in places])
            amounts[stated], unconvertible[stated] = found
        return amounts, unconvertible, currencies


def _entries(
    times: npt.NDArray[np.int64],
    kinds: npt.NDArray[np.int64],
    events: npt.NDArray[np.uint64],
    amounts: npt.NDArray[np.int64],
    of: npt.NDArray[np.uint64],
) -> npt.NDArray[Any]:
    entries = np.empty(len(times), ENTRY)
    entries["stamp"], entries["event"], entries["amount"], entries["of"] = times << 2 | kinds, events, amounts, of
    return entries


def _places(live: dict[str, LiveExperiment]) -> dict[tuple[str, str], int]:
    return {(name, variant): i for name, each in live.items() for i, variant in enumerate(each.variants)}


def _unplaced(experiment: str, variant: str, known: set[str]) -> str:
    if experiment not in known:
        return _unknown(experiment)
    return f"variant: {variant!r} is none of the variants of experiment {experiment!r}"


def _unknown(experiment: str) -> str:
    return f"experiment: there is no experiment {experiment!r}; create it, then replay this dead letter"
