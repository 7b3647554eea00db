"""Parts measured at different times, and on different machines, in one document that says so."""

from bench.reporting.results_file import merge, read_results, write_results

MACHINE = {"cpu": "x", "cores": 2, "load_before": 0.1}
FIRST = {"commit": "aaa", "at": "2026-01-01", "command": "one"}
SECOND = {"commit": "bbb", "at": "2026-01-02", "command": "two"}


def test_each_part_keeps_the_commit_it_was_measured_on():
    old = merge(None, MACHINE, FIRST, {"throughput": {"events_per_s": 1.0}, "start": {"seconds": 2.0}})
    new = merge(old, {**MACHINE, "load_before": 3.0}, SECOND, {"start": {"seconds": 1.0}})
    assert new["commit"] == "bbb"
    assert new["throughput"] == {"events_per_s": 1.0, "measured": FIRST}
    assert new["start"] == {"seconds": 1.0, "measured": SECOND}
    assert new["machine"]["load_before"] == 3.0


def test_what_another_machine_measured_says_so():
    old = merge(None, MACHINE, FIRST, {"throughput": {"events_per_s": 1.0}, "peers": {"p": {"ratio": 2.0}}})
    new = merge(old, {**MACHINE, "cpu": "y"}, SECOND, {"start": {"seconds": 1.0}})
    assert new["throughput"] == {"events_per_s": 1.0, "measured": {**FIRST, "commit": "aaa on x"}}
    assert new["peers"]["p"]["measured"]["commit"] == "aaa on x"
    again = merge(new, {**MACHINE, "cpu": "z"}, SECOND, {})
    assert (again["throughput"]["measured"]["commit"], again["start"]["measured"]["commit"]) == ("aaa on x", "bbb on y")


def test_what_was_measured_with_other_versions_stays_and_says_so():
    old = merge(None, MACHINE | {"kafka": "4.3.0"}, FIRST, {"start": {"seconds": 1.0}, "peers": {"p": {"ratio": 2.0}}})
    new = merge(old, MACHINE | {"kafka": "4.4.0"}, SECOND, {"throughput": {"events_per_s": 1.0}})
    assert new["start"]["measured"]["commit"] == new["peers"]["p"]["measured"]["commit"] == "aaa on x, kafka 4.3.0"
    assert new["throughput"]["measured"] == SECOND


def test_peers_are_merged_one_by_one():
    old = merge(None, MACHINE, FIRST, {"peers": {"p": {"ratio": 2.0}, "q": {"ratio": 3.0}}})
    new = merge(old, MACHINE, SECOND, {"peers": {"q": {"ratio": 4.0}}})
    assert new["peers"] == {"p": {"ratio": 2.0, "measured": FIRST}, "q": {"ratio": 4.0, "measured": SECOND}}


def test_targets_are_evaluated_again_from_what_is_kept():
    old = merge(None, MACHINE, FIRST, {"throughput": {"events_per_s": 250_000.0}})
    new = merge(old, MACHINE, SECOND, {})
    (line,) = [each for each in new["targets"] if each["what"] == "throughput, one worker, the job"]
    assert (line["figure"], line["reached"], line["commit"]) == (250_000.0, True, "aaa")


def test_a_document_survives_the_file(tmp_path):
    path = tmp_path / "results.json"
    assert read_results(path) is None
    document = merge(None, MACHINE, FIRST, {"start": {"seconds": 1.5}})
    write_results(path, document)
    assert read_results(path) == document
