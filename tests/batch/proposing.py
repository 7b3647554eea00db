"""What tests of a re-baseline are made of: customers in clear groups, and proposals about them."""

import numpy as np

from batch.candidate import build_candidate
from batch.data.customer_table import CustomerTable
from batch.fit_options import FitOptions
from batch.rebaseline import LiveModel, build_proposal
from state.customers.records import blank_rows
from stream.model.baseline_zero import RfmTiers
from stream.model.segmenter import CentroidSegmenter
from stream.moves.hysteresis import Hysteresis
from tests.building import HALF_LIFE_MS, NOW, NOW_MS

FEATURES = ("income", "score")
CENTRES = ((20_000.0, 20.0), (20_000.0, 80.0), (80_000.0, 20.0), (80_000.0, 80.0))


def customers(sizes=(40, 50, 60, 70), centres=CENTRES, seed=3, spread=0.05):
    """Customers known by profile only, in groups of these sizes about these incomes and scores."""
    random = np.random.default_rng(seed)
    rows = blank_rows(sum(sizes))
    group = np.repeat(np.arange(len(sizes)), sizes)
    values = np.array(centres)[group] * random.normal(1.0, spread, (len(rows), 2))
    rows["profile_numbers"][:, 1:3] = values
    rows["profile_at"] = NOW_MS
    return rows


def table_of(rows, profiles=None):
    more = {} if profiles is None else {"profiles": profiles}
    return CustomerTable(
        np.array([f"customer-{i}" for i in range(len(rows))], object),
        rows,
        np.full(len(rows), NOW_MS, np.int64),
        HALF_LIFE_MS,
        ("score",),
        population=len(rows),
        **more,
    )


def proposal_of(rows, live=None, *, k=4, number=1, last_number=0, seed=1, profiles=None):
    """Propose segments of these customers in the place of a live baseline (None: the tiers)."""
    table = table_of(rows, profiles)
    options = FitOptions(features=FEATURES, k=k, algorithms=("k-means",))
    candidate = build_candidate(table, options, number=number, seed=seed, now=NOW)
    under = LiveModel(live, CentroidSegmenter(live, HALF_LIFE_MS) if live else RfmTiers(HALF_LIFE_MS))
    chunks = iter([(table.rows, table.now_ms)])
    return build_proposal(
        table, candidate, under, chunks, last_number=last_number, hysteresis=Hysteresis.uniform(0.1), by="test"
    )
