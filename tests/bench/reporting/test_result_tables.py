"""The tables: complete, honest about what is missing, the same on the terminal and in Markdown."""

import io

import pytest
from rich.console import Console

from bench.reporting.result_tables import markdown, print_tables, result_tables
from bench.reporting.results_file import merge
from bench.reporting.run_statistics import summary

MACHINE = {"cpu": "a|b", "cores": 2}
FIRST = {"commit": "aaa", "at": "2026-01-01T00:00:00+00:00", "command": "python -m bench.main"}
SECOND = {"commit": "bbb", "at": "2026-01-02T00:00:00+00:00", "command": "python -m bench.main --only start"}
JOB = {
    "events_per_s": 100_000.0,
    "cpu_s_per_million": 6.5,
    "redis_cpu_s_per_million": 1.5,
    "rss_mb": 250.0,
    "redis_bytes_per_customer": 500.0,
    "changes": 9.0,
}
LATENCY = {
    **dict.fromkeys(("p50_ms", "p99_ms", "p999_ms", "view_p50_ms", "view_p99_ms", "view_p999_ms"), 12.0),
    "rate": 1_000.0,
    "achieved": 999.0,
    "late_p99_ms": 2.0,
    "view_poll_ms": 1.3,
}
CUSTOMERS = {
    **JOB,
    "customers": 10_000,
    "active_events_per_s": 7.0,
    "bytes_per_customer": 1.0,
    "record_bytes": 1.0,
    "view_bytes": 2.0,
}
PARTS = {
    "throughput": {**summary([JOB, {**JOB, "events_per_s": 90_000.0}, JOB]), "mixed": summary([JOB])},
    "latency": {"maximum": 1.0, "1000": summary([LATENCY])},
    "scaling": {
        "workers": {"1": summary([{"events_per_s": 5.0}]), "2": summary([{"events_per_s": 9.0}])},
        "two_workers": 1.8,
        "two_workers_spread": [1.7, 1.9],
        "growth": 0.5,
        "active_growth": 0.9,
        "customers": {"10000": CUSTOMERS},
    },
    "catch_up": {
        **summary(
            [
                {
                    "backlog": 1_000,
                    "arriving_per_s": 10.0,
                    "events_per_s": 20.0,
                    "alone_per_s": 25.0,
                    "share_of_alone": 0.8,
                    "seconds": 3.0,
                    "rss_mb": 1.0,
                }
            ]
        ),
        "share": 0.5,
        "maximum": 40.0,
    },
    "sweep": {
        "customers": 1_000,
        "all_due_per_s": 1.0,
        "none_due_per_s": 2.0,
        "lost": 0.1,
        "lost_spread": [0.0, 0.2],
        "events_per_s_without": 3.0,
        "events_per_s_during": 2.7,
    },
    "start": summary([{"seconds": 1.5}]),
    "peers": {
        "swift": {
            **summary([{**JOB, "changes": 1.0}]),
            "kind": "peer",
            "describes": "an engine",
            "detail": "400,000 orders",
            "correct": True,
            "ratio": 4.0,
            "ratio_spread": [3.5, 4.5],
            "cpu_ratio": 2.0,
            "cpu_ratio_spread": [1.5, 2.5],
        },
        "absent": {
            "kind": "reference",
            "describes": "a loop",
            "correct": False,
            "events_per_s": None,
            "ratio": None,
            "detail": "needs Java",
        },
    },
}


@pytest.fixture
def whole():
    return merge(None, MACHINE, FIRST, PARTS)


def test_every_row_of_every_sheet_has_a_cell_for_every_column(whole):
    made = result_tables(whole)
    assert {"Machine", "Targets", "Throughput", "Latency", "Workers", "Customers", "Catch-up", "Sweep", "Start"} <= {
        sheet.title for sheet in made
    }
    for sheet in made:
        assert sheet.rows, sheet.title
        assert {len(row) for row in sheet.rows} == {len(sheet.columns)}, sheet.title


def test_figures_stand_with_their_spread(whole):
    assert "| events/s | 100,000 (90,000 to 100,000) | 100,000 |" in markdown(whole)
    assert "| swift | 100,000 | 6.50 | 250 | 4.00 (3.50 to 4.50) | 2.00 (1.50 to 2.50) |" in markdown(whole)


def test_a_peer_that_could_not_run_is_there_with_the_reason(whole):
    assert "| absent (reference) | - | - | - | - | - |" in markdown(whole)
    assert "| absent (reference) | a loop (commit aaa) | needs Java |" in markdown(whole)


def test_a_missed_target_is_called_so(whole):
    text = markdown(whole)
    assert "| throughput, one worker, the job | ≥ 200,000 events/s | 100,000 events/s | **not reached** |" in text
    assert "| against bytewax | ≥ 10 times | - | not measured |" in text


def test_a_part_of_another_commit_says_so(whole):
    text = markdown(merge(whole, MACHINE, SECOND, {"start": summary([{"seconds": 1.0}])}))
    assert text.count("Measured on commit aaa.") == 6
    assert "**not reached** (commit aaa)" in text
    start = text[text.index("## Start") : text.index("## Peers")]
    assert "aaa" not in start


def test_cells_cannot_break_the_table(whole):
    assert "| cpu | a\\|b |" in markdown(whole)


def test_what_was_not_measured_is_left_out():
    made = result_tables(merge(None, MACHINE, FIRST, {"start": summary([{"seconds": 1.5}])}))
    assert [sheet.title for sheet in made] == ["Machine", "Targets", "Start"]


def test_the_terminal_shows_the_same_figures(whole):
    out = io.StringIO()
    print_tables(whole, Console(file=out, width=250))
    for word in ("100,000 (90,000 to 100,000)", "needs Java", "4.00 (3.50 to 4.50)", "not reached"):
        assert word in out.getvalue()
    assert "**" not in out.getvalue()
