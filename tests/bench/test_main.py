"""What the command does around the measurements."""

import json
from contextlib import contextmanager
from types import SimpleNamespace

import pytest

from bench import main as command
from bench.parts import PART_OF, Plan
from bench.reporting.results_file import PARTS


@pytest.fixture
def results(monkeypatch, tmp_path):
    """Parts that measure nothing, and the file that they are written to."""

    @contextmanager
    def start_servers():
        yield SimpleNamespace(logged_problems=[])

    def broken(_session, _on):
        raise TimeoutError("nothing came")

    monkeypatch.setattr(command, "start_servers", start_servers)
    monkeypatch.setattr(command, "PART_OF", {"start": lambda *_: {"seconds": 1.0}, "sweep": broken})
    monkeypatch.setattr(command, "describe_machine", lambda: {"cpu": "x"})
    return tmp_path / "results.json"


def test_a_part_that_fails_loses_only_itself_and_the_exit_code_says_so(results, capsys):
    with pytest.raises(SystemExit, match="without figures: sweep"):
        command.main(["--only", "sweep,start", "--results", str(results)])
    document = json.loads(results.read_text())
    assert document["start"]["seconds"] == 1.0
    assert "sweep" not in document
    assert document["command"].endswith(f"--only sweep,start --results {results}")
    assert "nothing came" in capsys.readouterr().err


def test_the_report_is_written_beside_the_results(results):
    command.main(["--only", "start", "--results", str(results)])
    assert "## Start" in results.with_name("RESULTS.md").read_text()


def test_a_small_run_writes_nothing(results):
    command.main(["--only", "start", "--small", "--results", str(results)])
    assert not results.exists()


@pytest.mark.parametrize("arguments", [["--only", "speed"], ["--runs", "0"]])
def test_a_wrong_argument_is_refused(arguments):
    with pytest.raises(SystemExit) as refused:
        command.main(arguments)
    assert refused.value.code == 2


def test_every_part_of_the_results_can_be_measured():
    assert tuple(PART_OF) == PARTS


def test_a_small_plan_is_smaller_in_every_respect_but_the_peers():
    plan, small = Plan(peers=("one",)), Plan(peers=("one",)).small()
    assert small.peers == ("one",)
    for name in ("runs", "events", "latency_s", "backlog", "swept", "starts"):
        assert getattr(small, name) < getattr(plan, name)
    assert max(small.sizes) < max(plan.sizes)
