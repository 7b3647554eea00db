"""A simulated shop whose groups are known: from its events, a re-baseline finds them, and finds the same again."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from batch.candidate import build_candidate
from batch.fit_options import FitOptions
from batch.rebaseline import LiveModel, build_proposal
from bench.quality.known_groups import shop_of
from simulation.scenarios.named_scenarios import named_scenario
from stream.model.baseline_zero import RfmTiers
from stream.model.segmenter import CentroidSegmenter
from stream.moves.hysteresis import Hysteresis
from tests.building import NOW, RFM

pytestmark = pytest.mark.slow

CUSTOMERS, DAYS = 600, 300


@cache
def shop(seed):
    return shop_of(named_scenario("separate-groups"), CUSTOMERS, seed, DAYS)


CLUSTERS = FitOptions(features=tuple(RFM), lifecycle=None)
"""Clusters of all customers: the stages of the lifecycle would go before them."""


def proposal(table, live=None, *, seed=42):
    """A proposal with its own choice of k and of the algorithm."""
    candidate = build_candidate(table, CLUSTERS, number=2 if live else 1, seed=seed, now=NOW)
    segmenter = CentroidSegmenter(live, table.half_life_ms) if live else RfmTiers(table.half_life_ms)
    chunks = iter([(table.rows, table.now_ms)])
    last = live.last_segment if live else 0
    under = LiveModel(live, segmenter)
    return build_proposal(
        table, candidate, under, chunks, last_number=last, hysteresis=Hysteresis.uniform(0.1), by="test"
    )


@cache
def found(seed):
    return proposal(shop(seed)[0])


def segment_ids(made):
    ids = np.array([each.segment_id for each in made.baseline.segments])
    return ids[made.candidate.labels]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_groups_are_found_from_the_events_alone(seed):
    assert found(seed).baseline.k == 5
    assert adjusted_rand_score(shop(seed)[1], segment_ids(found(seed))) >= 0.9


def test_the_groups_are_not_told_apart_by_any_one_feature():
    table, truth = shop(1)
    for feature in CLUSTERS.features:
        alone = build_candidate(table, replace(CLUSTERS, features=(feature,)), number=1, seed=42, now=NOW)
        assert adjusted_rand_score(truth, alone.labels) < 0.75, feature


def lived_under(first, table):
    """The same customers once the first baseline is live: each in the segment that it was given."""
    table.rows["segment"] = [int(each[1:]) for each in segment_ids(first)]
    return table


def test_the_same_data_again_give_the_same_segments_and_ids():
    table = shop(1)[0]
    one, other = found(1), proposal(table)
    assert one.baseline == other.baseline
    assert segment_ids(one).tolist() == segment_ids(other).tolist()
    again = proposal(lived_under(one, table.take(np.arange(len(table)))), one.baseline)
    assert segment_ids(again).tolist() == segment_ids(one).tolist()
    assert [each.segment for each in again.baseline.segments] == [each.segment for each in one.baseline.segments]


@pytest.mark.parametrize("seed", [7, 1_000])
def test_another_seed_moves_under_two_percent_to_another_segment_id(seed):
    table = shop(1)[0]
    first = found(1)
    other = proposal(lived_under(first, table.take(np.arange(len(table)))), first.baseline, seed=seed)
    assert (segment_ids(other) != segment_ids(first)).mean() < 0.02
