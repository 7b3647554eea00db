"""Medians, spreads, ratios; what peers' runs add up to; how evenly a publisher kept its pace."""

from types import SimpleNamespace

import numpy as np
import pytest

from bench.job.paced_publisher import Sent
from bench.reporting.run_statistics import ratio_of_pairs, summary
from bench.speed.peer_rounds import PeerRuns
from bench.speed.throughput import Throughput


def _ours(events_per_s, cpu):
    return Throughput(events_per_s, cpu, 1.0, 100.0, 300.0, 5)


def _theirs(events_per_s, cpu):
    return SimpleNamespace(
        events_per_s=events_per_s,
        cpu_s_per_million=cpu,
        redis_cpu_s_per_million=2.0,
        rss_mb=90.0,
        changes=7,
        detail="all orders",
    )


def test_a_summary_keeps_median_ends_and_number_of_runs():
    figures = summary([{"a": 4, "b": 1.0}, {"a": 1, "b": 1.0}, {"a": 9, "b": 2.5}])
    assert figures == {"a": 4.0, "b": 1.0, "spread": {"a": [1.0, 9.0], "b": [1.0, 2.5]}, "runs": 3}


def test_a_ratio_is_taken_run_by_run_not_of_the_medians():
    ratio = ratio_of_pairs([100, 200, 300], [100, 50, 300])
    assert ratio == (1.0, 1.0, 4.0)


def test_ratios_need_pairs():
    with pytest.raises(ValueError, match="longer"):
        ratio_of_pairs([1.0], [1.0, 2.0])


def test_a_peers_ratios_say_how_far_shoal_is_ahead():
    runs = PeerRuns("an engine", "peer", 1_000, [_ours(100, 5), _ours(120, 5)], [_theirs(10, 50), _theirs(10, 40)])
    figures = runs.figures()
    assert figures["ratio"] == 11.0
    assert figures["ratio_spread"] == [10.0, 12.0]
    assert figures["cpu_ratio"] == 9.0
    assert figures["events_per_s"] == 10.0
    assert figures["correct"] is True


def test_a_peer_that_ended_wrong_has_no_figures_even_if_an_earlier_run_was_right():
    runs = PeerRuns("an engine", "peer", 1_000, [_ours(100, 5)], [_theirs(10, 50)], wrong="3 customers differ")
    figures = runs.figures()
    assert figures["events_per_s"] is None
    assert figures["ratio"] is None
    assert (figures["correct"], figures["detail"]) == (False, "3 customers differ")


def test_a_peer_that_never_ran_is_not_correct():
    assert PeerRuns("an engine").figures()["correct"] is False


def test_lateness_is_against_an_exact_pace():
    sent = Sent(np.array([10.0, 10.1, 10.35]), rate=10.0, started=10.0)
    assert sent.late_ms() == pytest.approx([0, 0, 150])
    assert sent.achieved == pytest.approx(3 / 0.35)
