"""Every target line: reached, not reached, not measured."""

import pytest

from bench.reporting.targets import evaluate

ALL = {
    "throughput": {
        "events_per_s": 210_000.0,
        "cpu_s_per_million": 4.0,
        "rss_mb": 300.0,
        "redis_bytes_per_customer": 340.0,
        "mixed": {"events_per_s": 160_000.0, "rss_mb": 310.0},
    },
    "latency": {
        "10000": {"p99_ms": 20.0, "rate": 10_000.0, "achieved": 9_999.0},
        "100000": {"p99_ms": 80.0, "rate": 100_000.0, "achieved": 99_900.0},
        "half": {"p99_ms": 90.0, "rate": 105_000.0, "achieved": 104_900.0},
    },
    "scaling": {"growth": 0.9, "active_growth": 0.95, "two_workers": 1.6, "customers": {"10000": {"rss_mb": 320.0}}},
    "sweep": {"none_due_per_s": 600_000.0, "all_due_per_s": 510_000.0, "lost": 0.04},
    "reads": {"rate": 5_000.0, "refused": 0, "paced": {"p99_ms": 4.0, "per_s": 5_000.0}},
    "rebaseline": {"wall_s": 25.0, "peak_mb": 1_200},
    "tallies": {"delay": {"p99_ms": 60.0}},
    "catch_up": {"share": 0.95, "share_of_alone": 0.95, "rss_mb": 350.0},
    "peers": {
        "sketch": {"ratio": 1.3, "cpu_ratio": 1.1},
        "pathway": {"ratio": 5.0, "cpu_ratio": 5.0},
        "pathway with persistence": {"ratio": 6.0, "cpu_ratio": 5.0},
        "bytewax": {"ratio": 11.0, "cpu_ratio": 9.0},
        "quix-streams": {"ratio": 14.0, "cpu_ratio": 9.0},
        "faust take": {"ratio": 61.0, "cpu_ratio": 9.0},
        "flink": {"ratio": 0.9, "cpu_ratio": 1.5},
    },
}


def _line(results, beginning):
    (found,) = [target for target in evaluate(results) if target.what.startswith(beginning)]
    return found


def _with(path, value):
    copy = {name: dict(part) for name, part in ALL.items()}
    part, name = path
    copy[part][name] = value
    return copy


def test_all_lines_are_reached_where_every_figure_is_good_enough():
    assert [target.what for target in evaluate(ALL) if target.reached is not True] == []


def test_without_figures_nothing_is_reached_and_nothing_missed():
    assert {target.reached for target in evaluate({})} == {None}
    assert len(evaluate({})) == len(evaluate(ALL))


@pytest.mark.parametrize(
    ("path", "value", "line"),
    [
        (("throughput", "events_per_s"), 199_999.0, "throughput, one worker"),
        (("throughput", "cpu_s_per_million"), 5.1, "CPU"),
        (("throughput", "redis_bytes_per_customer"), 351.0, "Redis"),
        (("throughput", "mixed"), {"events_per_s": 149_000.0}, "8 features"),
        (("latency", "10000"), {"p99_ms": 26.0}, "latency p99, published → change read, 10,000"),
        (("latency", "half"), {"p99_ms": 101.0}, "latency p99, published → change read, half"),
        (("latency", "100000"), {"p99_ms": 101.0}, "latency p99, published → change read, 100,000"),
        (("catch_up", "rss_mb"), 401.0, "memory"),
        (("catch_up", "share"), 0.89, "catch-up, of the maximum"),
        (("catch_up", "share_of_alone"), 0.89, "catch-up, of the speed"),
        (("scaling", "growth"), 0.84, "throughput at 5 million customers, of that at 10 thousand, orders of all"),
        (("scaling", "two_workers"), 1.49, "two workers"),
        (("sweep", "none_due_per_s"), 499_000.0, "sweep, none"),
        (("sweep", "all_due_per_s"), 499_000.0, "sweep, all"),
        (("sweep", "lost"), 0.051, "throughput lost"),
        (("rebaseline", "wall_s"), 60.1, "re-baseline"),
        (("rebaseline", "peak_mb"), 2_001, "largest memory"),
        (("tallies", "delay"), {"p99_ms": 1_001.0}, "from an event to its tally"),
        (("peers", "pathway"), {"ratio": 4.4}, "against pathway"),
        (("peers", "flink"), {"cpu_ratio": 1.0}, "against Flink"),
    ],
)
def test_a_line_is_not_reached_just_beyond_its_bound(path, value, line):
    results = _with(path, value)
    assert _line(results, line).reached is False
    assert [target.what for target in evaluate(results) if target.reached is False] == [_line(results, line).what]


def test_the_variant_of_a_peer_that_does_best_counts():
    results = _with(("peers", "quix-streams without changelog"), {"ratio": 12.0, "cpu_ratio": 4.0})
    assert _line(results, "against quix").figure == 12.0


def test_a_variant_that_keeps_nothing_has_no_part_in_the_line_of_the_durable_one():
    results = _with(("peers", "bytewax without recovery"), {"ratio": 9.0, "cpu_ratio": 4.0})
    assert (
        _line(results, "against bytewax").reached,
        _line(results, "as durable as the job asks: bytewax").figure,
    ) == (
        False,
        11.0,
    )
    results = _with(("peers", "quix-streams"), {"ratio": 12.9, "measured": {"commit": "abc"}})
    line = _line(results, "as durable as the job asks: quix-streams")
    assert (line.reached, line.commit) == (False, "abc")


def test_a_peer_without_figures_is_not_beaten():
    results = _with(("peers", "faust take"), {"ratio": None, "detail": "3 customers differ"})
    assert _line(results, "against faust").reached is None


def test_a_load_that_was_not_kept_up_shows_nothing():
    results = _with(("latency", "half"), {"p99_ms": 50.0, "rate": 100_000.0, "achieved": 90_000.0})
    assert _line(results, "latency p99, published → change read, half").reached is False


def test_a_line_names_the_commit_of_its_part():
    results = _with(("sweep", "measured"), {"commit": "abc"})
    assert _line(results, "throughput lost").commit == "abc"
