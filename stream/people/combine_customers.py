"""Two customers who are one person: their records, books, sessions and profiles become those of one."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from events.arrays import Ints
from state.customers.profile_documents import Profile, merged, read_profiles
from state.customers.ragged import Ragged
from state.customers.records import CustomerBatch, Rows, blank_rows
from stream.customers.fold import Fold, merge
from stream.customers.fold_profiles import kept_profiles
from stream.customers.located_orders import OrderBook
from stream.people.combine_orders import combine_orders
from stream.people.combine_sessions import combine_sessions

__all__ = ["Combined", "combine_customers"]


class Combined(NamedTuple):
    """`rows` (n,) are what to merge into the records; `matched` (n,) counts events that found their order."""

    rows: Rows
    matched: Ints


def combine_customers(
    customers: CustomerBatch, incoming: CustomerBatch, owners: Ints, profiles: Mapping[int, bytes], fold: Fold
) -> Combined:
    """Combine records (r,) into those of the n customers at `owners` (r,), distinct; their lists are changed.

    `profiles` are those of incoming records by position. What follows is what it would be had all events of both been
    told of one, as far as both books reach back.
    """
    n = len(customers)
    orders, returns, sessions, recent = (_scattered(each, owners, n) for each in incoming.lists)
    before = customers.recent
    book = OrderBook(customers.orders, customers.returns, customers.recent)
    told = combine_orders(
        book, OrderBook(orders, returns, recent), fold.half_life_ms, window=fold.orders, remembered=fold.hashes
    )
    visits = combine_sessions(
        customers.sessions,
        sessions,
        (before, recent),
        told.book.recent,
        fold.half_life_ms,
        window=fold.sessions,
        remembered=fold.hashes,
    )
    customers.orders, customers.returns, _ = told.book
    customers.sessions, customers.recent = visits.sessions, visits.recent
    rows = blank_rows(n)
    rows[owners] = incoming.rows
    rows = merge(merge(rows, told.rows), visits.rows)
    return Combined(_with_profiles(rows, customers, profiles, owners, fold), told.matched)


def _scattered(lists: Ragged, owners: Ints, n: int) -> Ragged:
    """Return the lists (r,) as those of the n customers at `owners` (r,)."""
    width = lists.values.shape[1] if lists.values.ndim > 1 else 1
    return Ragged.blank(n, width).appended(owners[lists.owners], lists.values)


def _with_profiles(
    rows: npt.NDArray[np.void], customers: CustomerBatch, profiles: Mapping[int, bytes], owners: Ints, fold: Fold
) -> Rows:
    """Merge profiles into those that are kept, under the ids of these customers, and return rows that say so."""
    told: dict[int, list[Profile]] = {}
    for position, profile in zip(profiles, _read(list(profiles.values())), strict=True):
        place = int(owners[position])
        mine = [customers.profiles[place]] if place in customers.profiles else []
        told[place] = [*_read(mine), Profile(profile.stamp, {**profile.content, "customer_id": customers.ids[place]})]
    kept = kept_profiles({place: merged(each) for place, each in told.items()}, len(rows), fold.attributes())
    customers.profiles = {**customers.profiles, **kept.documents}
    for name in ("signed_up", "profile_at", "profile_event", "profile_numbers"):
        places = list(told)
        rows[name][places] = kept.rows[name][places]
    return rows


def _read(documents: Sequence[bytes]) -> list[Profile]:
    return read_profiles(documents)
