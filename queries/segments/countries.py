"""Where customers live, by segment: from the profiles of a bounded sample."""

import json
from collections import Counter
from itertools import islice
from typing import Any, Final, NamedTuple

import redis

from state.partitions.partition_store import PartitionStore
from state.store import keys

__all__ = ["Countries", "customers_by_country"]

_MAX_PROFILES: Final = 20_000
"""Profiles read at most, over all partitions."""
_CHUNK: Final = 1_000


class Countries(NamedTuple):
    """Customers by country and segment id, of the profiles that were read; `whole` if those are all."""

    counts: Counter[tuple[str, str]]
    whole: bool


def customers_by_country(client: redis.Redis, partitions: int) -> Countries:
    """Return the customers by country and segment, of those whose profile has a country and who have a segment."""
    store: Any = client
    records, share = PartitionStore(client, keys.SEGMENTS_GROUP), max(1, _MAX_PROFILES // partitions)
    counts, whole = Counter[tuple[str, str]](), True
    for partition in range(partitions):
        profiles = store.hscan_iter(keys.profiles(partition), count=_CHUNK)
        found = {key.decode(): _country(value) for key, value in islice(profiles, share)}
        whole = whole and len(found) < share
        ids = [name for name, country in found.items() if country]
        numbers = records.load(partition, ids).rows["segment"].tolist() if ids else []
        counts.update((found[name], f"s{number}") for name, number in zip(ids, numbers, strict=True) if number)
    return Countries(counts, whole)


def _country(profile: bytes) -> str:
    return str(json.loads(profile).get("country") or "")[:32]
