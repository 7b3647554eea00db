"""The text fields of CRM profiles (country, city, …), joined from the profiles in Redis."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
import numpy as np
import pandas as pd
import redis

from events.topics.partitioning import partitions_of
from state.store import keys

__all__ = ["TEXT_FIELDS", "join_profiles", "profile_frame"]

TEXT_FIELDS: Final = ("country", "city", "gender", "acquisition_source")
_CHUNK = 10_000


class _Profile(msgspec.Struct):
    country: str | None = None
    city: str | None = None
    gender: str | None = None
    acquisition_source: str | None = None


def profile_frame(documents: Sequence[bytes | None]) -> pd.DataFrame:
    """Return the columns of `TEXT_FIELDS` of JSON profiles (n; None: no profile), as categories; missing stays so."""
    decoder, nobody = msgspec.json.Decoder(_Profile), _Profile()
    found = [decoder.decode(each) if each else nobody for each in documents]
    return pd.DataFrame({name: pd.Categorical([getattr(each, name) for each in found]) for name in TEXT_FIELDS})


def join_profiles(client: redis.Redis, ids: Sequence[str], partitions: int) -> pd.DataFrame:
    """Return the profiles of customers (n rows); a frame without columns where the shop has none."""
    store: Any = client
    with store.pipeline(transaction=False) as pipe:
        for partition in range(partitions):
            pipe.hlen(keys.profiles(partition))
        if not sum(pipe.execute()) or not ids:
            return pd.DataFrame()
    homes = np.asarray(partitions_of(list(ids), partitions))
    documents = np.full(len(ids), None, object)
    for partition in range(partitions):
        mine = np.flatnonzero(homes == partition)
        for start in range(0, len(mine), _CHUNK):
            places = mine[start : start + _CHUNK]
            documents[places] = store.hmget(keys.profiles(partition), [ids[place] for place in places.tolist()])
    return profile_frame(documents.tolist())
