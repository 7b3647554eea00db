"""What the tests of experiments build tallies and definitions from."""

from datetime import UTC, datetime

import numpy as np
from hypothesis import strategies as st

from experiments import Experiment, Tallies, Tally

START = datetime(2026, 3, 1, tzinfo=UTC)


def experiment(*names: str, **fields) -> Experiment:
    names = names or ("A", "B")
    described = {"id": "banner", "variants": [{"name": name} for name in names], "control": names[0], "start": START}
    return Experiment.model_validate({**described, **fields})


def shop(seed: int, n: int, *, rate: float = 0.05, lift: float = 0.0, correlation: float = 0.6) -> Tally:
    """Return n customers who convert at `rate * (1 + lift)`, and spend log-normally, much as they did before."""
    chance = np.random.default_rng(seed)
    habit = chance.normal(size=n)
    orders = np.where(chance.random(n) < rate * (1 + lift), 1 + chance.poisson(0.3, n), 0)
    noise = chance.normal(size=n)
    spent = np.exp(3.0 + correlation * habit + np.sqrt(1 - correlation**2) * noise)
    before = np.where(chance.random(n) < 0.7, np.exp(3.0 + habit), 0.0)
    return Tally.of_customers(
        np.rint(1000 * spent * orders).astype(np.int64), orders, pre_revenue=np.rint(1000 * before).astype(np.int64)
    )


def counts(exposed: int, converted: int, **fields) -> Tally:
    return Tally(exposed=exposed, converted=converted, **fields)


_EDGES = st.sampled_from([0, 1, 2, 3, 5, 10, 999, 10**6, 2**31, 2**53 + 1, 10**12, 10**18, 10**36, 10**40])
_ANY = st.one_of(_EDGES, st.integers(-5, 50), _EDGES.map(lambda value: -value), st.integers(0, 10**13))

wild_tallies = st.builds(Tally, **dict.fromkeys(Tally.names(), _ANY))
"""Sums of no customers: of any size and sign, contradicting each other."""


@st.composite
def real_tallies(draw) -> Tally:
    """Sums of a few customers, repeated up to 10^11 times, with money from nothing to thousands of millions."""
    money = st.sampled_from([0, 0, 0, 1, 10, 19_990, -5_000, 10**9, 10**13])
    customers = draw(st.lists(st.tuples(money, st.integers(0, 3), money, st.booleans(), st.booleans()), max_size=5))
    total = Tally()
    for revenue, orders, before, converted, retained in customers:
        one = Tally.of_customer(
            revenue=revenue, orders=orders, pre_revenue=before, converted=converted, retained=retained
        )
        times = draw(st.sampled_from([1, 1, 2, 7, 100, 10_000, 10**7, 10**11]))
        total += Tally(*(value * times for value in one.values()))
    return total


any_tallies = st.one_of(real_tallies(), real_tallies(), wild_tallies)


@st.composite
def tallies_of(draw, names: tuple[str, ...], segments: tuple[str, ...] = ("New", "Inactive", "unknown")) -> Tallies:
    cells = draw(st.sets(st.tuples(st.sampled_from([*names, "stranger"]), st.sampled_from(segments))))
    return Tallies({cell: draw(any_tallies) for cell in cells})
