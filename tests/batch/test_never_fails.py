"""Whatever customers there are, a re-baseline either gives a baseline that can go live or says what is wrong."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch.candidate import build_candidate
from batch.data.customer_table import CustomerTable
from batch.fit_options import FitOptions
from events.base_error import ShoalError
from events.schema.outputs import Baseline
from stream.model.kmeans import nearest
from stream.model.model_validation import published_baseline
from stream.model.segmenter import CentroidSegmenter
from tests.building import HALF_LIFE_MS, NOW, NOW_MS, examples, names, shoppers

FEATURES = ["recency", "frequency", "monetary", "age", "income", "order_gap", "return_rate", "engagement"]


@pytest.mark.slow
@given(
    n=st.integers(1, 30),
    different=st.integers(1, 30),
    seed=st.integers(0, 1_000),
    features=st.lists(st.sampled_from(FEATURES), min_size=1, max_size=4, unique=True),
    k=st.none() | st.integers(2, 8),
    huge=st.booleans(),
    outliers=st.sampled_from(["winsorise", "isolate", "keep"]),
    skew=st.sampled_from(["keep", "yeo-johnson"]),
)
@examples(60)
def test_a_candidate_can_go_live_or_the_reason_is_given(n, different, seed, features, k, huge, outliers, skew):
    rows = shoppers(different, seed)[np.random.default_rng(seed).integers(0, different, n)]
    if huge:
        rows["gross"][0], rows["decayed_amount"][0], rows["profile_numbers"][0, 1] = 10**12, 1e30, 1e12
    table = CustomerTable(np.array(names(n), object), rows, np.full(n, NOW_MS), HALF_LIFE_MS, population=n)
    options = FitOptions(tuple(features), k=k, k_max=5, outliers=outliers, skew=skew)
    found, refused = None, ""
    try:
        found = build_candidate(table, options, number=1, seed=seed, now=NOW)
    except ShoalError as error:
        refused = str(error)
    if found is None:
        assert "customers" in refused
        return
    ids = [f"s{place + 1}" for place in range(len(found.segments))]
    baseline = found.baseline(ids, status="approved")
    published_baseline(b"1", baseline.model_dump_json().encode())
    assert len({each.segment for each in baseline.segments}) == len(ids) == found.k + (5 if found.lifecycle else 0)
    assert found.k >= 2
    segmenter = CentroidSegmenter(Baseline.model_validate_json(baseline.model_dump_json()), HALF_LIFE_MS)
    live = nearest(segmenter.distances(rows, segmenter.vectors(rows, NOW_MS), NOW_MS))
    assert ((live < 0) == (found.labels < 0)).all()
    staged = found.labels >= found.k
    assert live[staged].tolist() == found.labels[staged].tolist()
