"""Events as JSON bytes, a whole day's at once: templates filled in, because a JSON library costs three times as much.

Whatever comes from a scenario (labels, ids) is escaped by `json.dumps`; everything else is numbers and times of ours.
A test holds every event against the pydantic models.
"""

import json
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from events.arrays import Ints
from simulation.behaviour.baskets import Baskets
from simulation.behaviour.visits import Sessions
from simulation.customers.profiles import Profiles

__all__ = ["Labels", "conversions", "exposures", "instants", "orders", "profiles", "returns", "sessions", "text"]


class Labels(NamedTuple):
    """The texts that events of one shop share, as JSON: the currency, and the categories by place."""

    currency: str
    categories: Sequence[str]


def text(value: str) -> str:
    """Return a text as JSON."""
    return json.dumps(value)


def instants(times: Ints) -> list[str]:
    """Return times (ms since 1970 UTC) as RFC 3339.

    >>> instants(np.array([0]))
    ['1970-01-01T00:00:00.000Z']
    """
    return np.datetime_as_string(times.astype("datetime64[ms]"), unit="ms", timezone="UTC").tolist()  # type: ignore[no-any-return]


def _money(cents: Ints) -> list[str]:
    return [f"{each // 100}.{each % 100:02d}" for each in cents.tolist()]


def _texts(values: Iterable[str]) -> list[str]:
    known: dict[str, str] = {}
    return [known.get(value) or known.setdefault(value, text(value)) for value in values]


def orders(
    ids: Sequence[str], customers: Sequence[str], at: Ints, baskets: Baskets, online: Sequence[bool], labels: Labels
) -> list[bytes]:
    """Return orders that are placed; their event id is the order's."""
    items = [
        f'{{"sku":{labels.categories[category][:-1]}-{product:02d}","quantity":{quantity},"price":{price},'
        f'"category":{labels.categories[category]}}}'
        for category, product, quantity, price in zip(
            baskets.category.tolist(),
            baskets.product.tolist(),
            baskets.quantity.tolist(),
            _money(baskets.price),
            strict=True,
        )
    ]
    bounds = baskets.bounds.tolist()
    tail = [f',"currency":{labels.currency},"channel":"{channel}","items":[' for channel in ("store", "web")]
    rows = zip(ids, customers, instants(at), _money(baskets.cents), bounds, bounds[1:], online, strict=False)
    return [
        f'{{"event_id":"{i}","customer_id":"{customer}","occurred_at":"{when}","type":"placed","order_id":"{i}",'
        f'"amount":{amount}{tail[web]}{",".join(items[begin:end])}]}}'.encode()
        for i, customer, when, amount, begin, end, web in rows
    ]


def returns(
    ids: Sequence[str],
    customers: Sequence[str],
    at: Ints,
    of: Sequence[str],
    cents: Ints,
    *,
    kinds: Sequence[str],
    labels: Labels,
) -> list[bytes]:
    """Return orders that are taken back; `of` are the ids of the orders, `kinds` cancelled or refunded."""
    rows = zip(ids, customers, instants(at), of, _money(cents), kinds, strict=True)
    return [
        f'{{"event_id":"{i}","customer_id":"{customer}","occurred_at":"{when}","type":"{kind}","order_id":"{order}",'
        f'"amount":{amount},"currency":{labels.currency}}}'.encode()
        for i, customer, when, order, amount, kind in rows
    ]


def sessions(
    ids: Sequence[str], customers: Sequence[str], drawn: Sessions, sources: Sequence[str], devices: Sequence[str]
) -> list[bytes]:
    """Return web sessions; their event id is the session's."""
    rows = zip(
        ids,
        customers,
        instants(drawn.ended),
        instants(drawn.started),
        drawn.pages.tolist(),
        ((drawn.ended - drawn.started) / 1000).tolist(),
        drawn.cart_adds.tolist(),
        _texts(sources),
        devices,
        strict=True,
    )
    return [
        f'{{"event_id":"{i}","customer_id":"{customer}","occurred_at":"{ended}","session_id":"{i}",'
        f'"started_at":"{started}","pages":{pages},"duration_s":{seconds},"cart_adds":{added},"source":{source},'
        f'"device":"{device}"}}'.encode()
        for i, customer, ended, started, pages, seconds, added, source, device in rows
    ]


def profiles(ids: Sequence[str], customers: Sequence[str], at: Ints, drawn: Profiles) -> list[bytes]:
    """Return the profiles of customers who sign up at these times."""
    rows = zip(
        ids,
        customers,
        instants(at),
        drawn.age.tolist(),
        _texts(drawn.gender),
        drawn.income.tolist(),
        _texts(drawn.country),
        _texts(drawn.source),
        ["true" if agreed else "false" for agreed in drawn.consent],
        drawn.household.tolist(),
        strict=True,
    )
    return [
        f'{{"event_id":"{i}","customer_id":"{customer}","occurred_at":"{when}","signed_up_at":"{when}","age":{age},'
        f'"gender":{gender},"income":{income},"country":{country},"acquisition_source":{source},'
        f'"consent":{{"marketing":{consent}}},"attributes":{{"household":{household}}}}}'.encode()
        for i, customer, when, age, gender, income, country, source, consent, household in rows
    ]


def exposures(
    ids: Sequence[str], customers: Sequence[str], at: Ints, experiment: str, variants: Iterable[str]
) -> list[bytes]:
    """Return exposures to the variants of one experiment."""
    name = text(experiment)
    rows = zip(ids, customers, instants(at), _texts(variants), strict=True)
    return [
        f'{{"event_id":"{i}","customer_id":"{customer}","occurred_at":"{when}","experiment":{name},'
        f'"variant":{variant}}}'.encode()
        for i, customer, when, variant in rows
    ]


def conversions(
    ids: Sequence[str], customers: Sequence[str], at: Ints, experiment: str, cents: Ints, labels: Labels
) -> list[bytes]:
    """Return conversions with a value."""
    name = text(experiment)
    rows = zip(ids, customers, instants(at), _money(cents), strict=True)
    return [
        f'{{"event_id":"{i}","customer_id":"{customer}","occurred_at":"{when}","experiment":{name},'
        f'"value":{value},"currency":{labels.currency},"kind":"goal"}}'.encode()
        for i, customer, when, value in rows
    ]
