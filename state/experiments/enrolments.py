"""Which experiments customers were exposed to: so that nobody has to be looked for in every experiment there is.

`enrolled:{p}` is a hash: customer_id → 8 bytes for each experiment, the hash of its id. Under the empty name, which no
customer has, it says that it is complete: that it holds all whom the hashes `exposed:{p}:<experiment>` hold.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import redis
import xxhash

from events.arrays import Flags, Ints
from state.customers.ragged import Ragged, starts_of
from state.customers.variable_length_values import ValueUnreadable
from state.store import keys
from state.store.pipelined_connection import Command

__all__ = ["COMPLETE", "Enrolments", "experiment_hash", "rebuild_enrolments"]

COMPLETE: Final = ""
"""The field that says that a partition's enrolments are complete."""
_ITEM: Final = np.dtype("<u8")
_CHUNK: Final = 5_000


def experiment_hash(experiment_id: str) -> int:
    """Return the 64-bit XXH3 hash that logs and enrolments hold for an experiment's id; 0 stands for none."""
    return xxhash.xxh3_64_intdigest(experiment_id.encode()) or 1


@dataclass(frozen=True)
class Enrolments:
    """The experiments of n customers, as hashes of their ids."""

    lists: Ragged

    @property
    def known(self) -> Flags:
        """Who was exposed to any experiment."""
        return np.asarray(self.lists.lengths > 0)

    @classmethod
    def unpack(cls, values: Sequence[bytes | None]) -> "Enrolments":
        """Read values as Redis returned them (None: in no experiment). Raises ValueUnreadable."""
        sizes = np.fromiter((len(value or b"") for value in values), np.int64, len(values))
        if (sizes % _ITEM.itemsize).any():
            raise ValueUnreadable(f"enrolments in Redis have {int(sizes.max())} bytes; were they written by Shoal?")
        flat = np.frombuffer(b"".join(value for value in values if value), _ITEM)
        return cls(Ragged(flat, starts_of(sizes // _ITEM.itemsize)))

    def with_new(self, owners: Ints, hashes: npt.NDArray[np.uint64]) -> dict[int, bytes]:
        """Return by position the values of those customers at `owners` (m,) who get these hashes (m,) in addition."""
        if not len(owners):
            return {}
        changed = np.unique(owners)
        later = self.lists.appended(owners, hashes).take(changed)
        data = later.values.astype(_ITEM, copy=False).tobytes()
        ends = (later.starts * _ITEM.itemsize).tolist()
        return {place: data[a:b] for place, (a, b) in zip(changed.tolist(), pairwise(ends), strict=True)}


def rebuild_enrolments(client: redis.Redis, partition: int) -> Iterator[Command]:
    """Yield the commands that write a partition's enrolments anew, from who was exposed to which experiment."""
    store: Any = client
    found: dict[bytes, list[int]] = defaultdict(list)
    for experiment_id in sorted(name.decode() for name in store.smembers(keys.EXPERIMENTS)):
        mine = experiment_hash(experiment_id)
        for customer_id in _fields(store, keys.exposed(partition, experiment_id)):
            found[customer_id].append(mine)
    yield ("DEL", keys.enrolled(partition))
    names = list(found)
    for start in range(0, len(names), _CHUNK):
        chunk = names[start : start + _CHUNK]
        pairs = [part for name in chunk for part in (name, np.array(found[name], _ITEM).tobytes())]
        yield ("HSET", keys.enrolled(partition), *pairs)
    yield ("HSET", keys.enrolled(partition), COMPLETE, "1")


def _fields(store: Any, key: str) -> Iterable[bytes]:
    """Return the fields of a hash, each once, a chunk at a time."""
    return dict.fromkeys(name for name, _ in store.hscan_iter(key, count=_CHUNK))
