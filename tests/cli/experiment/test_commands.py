"""`shoal experiment create, update, stop, list, assign` on a real Redis, as a user types them."""

import inspect
import json
from datetime import UTC, datetime, timedelta
from typing import get_args

import pytest

from cli.experiment import commands, definition_options
from cli.main import main
from events.segment_changes import Change
from experiments import Experiment, Metric, Tallies, assign
from queries.experiments.experiments import (
    ChangeRefused,
    ConcurrentChange,
    ExperimentEnded,
    ExperimentExists,
    UnknownExperiment,
)
from state.campaigns.suppressions import ALL, SuppressionStore
from state.customers.current_segment_keys import SegmentViews
from state.experiments.definitions import ExperimentStore
from tests.building import change_of
from tests.cli.experiment.experimenting import Shoal, counts, tallied

BANNER = ("experiment", "create", "banner", "--variant", "A", "--variant", "B:3", "--control", "A")


@pytest.fixture
def shoal(redis_database_url, entries_topic):
    return Shoal(redis_database_url)


def said(shoal, kind, *arguments):
    """The message of a command that fails with a ShoalError of that kind."""
    result = shoal(*arguments, fails=True)
    assert type(result.exception) is kind, result.output
    return str(result.exception)


def test_a_definition_is_stored_with_what_was_given_and_the_defaults(shoal, redis):
    before = datetime.now(UTC)
    found = shoal.json(
        *BANNER, "--attribution", "conversions", "--window", "36h", "--guardrail", "retention",
        "--guardrail", "average_order_value", "--stop", "2999-01-01", "--minimum-effect", "0.1", "--no-cuped",
        "--holdout", "0.1", "--target", "New Customers", "--target", "s1", "--description", "a bigger banner",
    )  # fmt: skip
    stored = Experiment.model_validate_json(ExperimentStore(redis).get("banner"))
    assert Experiment.model_validate(found) == stored
    assert [(each.name, each.weight) for each in stored.variants] == [("A", 1.0), ("B", 3.0)]
    assert (stored.control, stored.attribution, stored.conversion_window) == ("A", "conversions", timedelta(hours=36))
    assert stored.guardrails == (Metric.RETENTION, Metric.AVERAGE_ORDER_VALUE)
    assert stored.stop == datetime(2999, 1, 1, tzinfo=UTC)
    assert stored.targeted_segments == ("s4", "s1")
    assert (stored.minimum_effect, stored.cuped, stored.holdout_share) == (0.1, False, 0.1)
    assert before <= stored.start <= datetime.now(UTC)
    assert (stored.alpha, stored.method, stored.segments) == (0.05, "sequential", None)


def test_every_field_of_a_definition_has_an_option_in_both_commands(shoal):
    fields = set(Experiment.model_fields) - {"id", "stopped_at"}
    assert fields == set(definition_options.FIELDS)
    for command in (commands.create, commands.update):
        assert fields <= set(inspect.signature(command).parameters)
        shown = shoal("experiment", command.__name__, "--help").stdout.split()
        assert {part for option in definition_options.FIELDS.values() for part in option.split("/")} <= set(shown)
    assert set(get_args(definition_options.MetricName)) == {metric.value for metric in Metric}


def test_a_file_defines_an_experiment_and_options_win_over_it(shoal, redis, tmp_path):
    file = tmp_path / "banner.json"
    shoal(*BANNER, "--looks", "7")
    definition = json.loads(ExperimentStore(redis).get("banner"))
    file.write_text(json.dumps({**definition, "id": "price"}))
    found = shoal.json("experiment", "create", "price", "--from", str(file), "--alpha", "0.01")
    assert found == {**definition, "id": "price", "alpha": 0.01}
    assert "defines experiment 'price', not 'other'" in shoal.refused(
        "experiment", "create", "other", "--from", str(file)
    )
    file.write_text('{"variants": [')
    assert "cannot be read as JSON" in shoal.refused("experiment", "create", "other", "--from", str(file))
    file.write_text('{"varants": []}')
    assert "varants is no field of an experiment" in shoal.refused("experiment", "create", "x", "--from", str(file))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--variant", "A", "--variant", "B"], "--control is missing"),
        (
            ["--variant", "A", "--variant", "B", "--control", "C"],
            "control is 'C', which is no variant; choose one of A, B",
        ),
        (["--variant", "A", "--control", "A"], "--variant"),
        (["--control", "A"], "--variant is missing"),
        (["--variant", "A", "--variant", "A", "--control", "A"], "same name twice"),
        (["--variant", "A:much", "--variant", "B", "--control", "A"], "the weight 'much' is no number"),
        (["--variant", "A:0", "--variant", "B", "--control", "A"], "greater than 0"),
        (["--variant", "A", "--variant", "B", "--control", "A", "--window", "30"], "'30' is not a duration"),
        (["--variant", "A", "--variant", "B", "--control", "A", "--window", "400d"], "--window is"),
        (["--variant", "A", "--variant", "B", "--control", "A", "--start", "monday"], "'monday' is no time"),
        (["--variant", "A", "--variant", "B", "--control", "A", "--start", "2026-03-01T10:00:00"], "has no zone"),
        (
            ["--variant", "A", "--variant", "B", "--control", "A", "--start", "2026-03-02", "--stop", "2026-03-01"],
            "is not after start",
        ),
        (["--variant", "A", "--variant", "B", "--control", "A", "--target", "Whales"], "there is no segment 'Whales'"),
        (["--variant", "A", "--variant", "B", "--control", "A", "--alpha", "0.9"], "--alpha is 0.9"),
        (["--variant", "A", "--variant", "B", "--control", "A", "--guardrail", "love"], "--guardrail is 'love'"),
        (["--variant", "A", "--variant", "B", "--control", "A", "--method", "fixed"], "has no end"),
        (["--variant", "A", "--variant", "B", "--control", "A", "--primary", "love"], "'love' is not one of"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_stored(shoal, redis, arguments, message):
    assert message in shoal.refused("experiment", "create", "banner", *arguments)
    assert ExperimentStore(redis).all() == {}


def test_an_id_that_no_event_could_name_is_refused(shoal):
    assert "id is 'my banner'" in shoal.refused("experiment", "create", "my banner", *BANNER[3:])


def test_an_id_is_taken_once(shoal, redis):
    shoal(*BANNER)
    before = ExperimentStore(redis).get("banner")
    assert "'banner' already" in said(shoal, ExperimentExists, *BANNER, "--alpha", "0.01")
    assert ExperimentStore(redis).get("banner") == before


@pytest.mark.parametrize("command", ["report", "update", "stop", "power", "assign"])
def test_an_unknown_experiment_is_answered_with_those_that_exist(shoal, command):
    more = ["c1"] if command == "assign" else []
    assert "there is none yet" in said(shoal, UnknownExperiment, "experiment", command, "baner", *more)
    shoal(*BANNER)
    shoal("experiment", "create", "price", *BANNER[3:])
    assert "there are: banner, price" in said(shoal, UnknownExperiment, "experiment", command, "baner", *more)


def test_failures_end_with_1_and_wrong_usage_with_2(shoal, monkeypatch, capsys):
    monkeypatch.setenv("SHOAL_REDIS", shoal.url)
    for arguments, code in ((["report", "nobody"], 1), (["create", "x", "--variant", "A"], 2), (["report"], 2)):
        monkeypatch.setattr("sys.argv", ["shoal", "experiment", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        assert ended.value.code == code
    assert "there is no experiment 'nobody'" in capsys.readouterr().err


def test_before_anybody_was_exposed_everything_may_change(shoal, redis):
    shoal(*BANNER)
    found = shoal.json("experiment", "update", "banner", "--variant", "A", "--variant", "C", "--alpha", "0.01")
    assert [each["name"] for each in found["variants"]] == ["A", "C"]
    assert json.loads(ExperimentStore(redis).get("banner")) == found
    assert "nothing to change is given" in shoal.refused("experiment", "update", "banner")


def test_a_running_experiment_refuses_what_breaks_its_statistics_and_says_why(shoal, redis):
    shoal(*BANNER)
    tallied(redis, "banner", Tallies({("A", "s1"): counts(10, 1)}))
    before = ExperimentStore(redis).get("banner")
    message = said(shoal, ChangeRefused, "experiment", "update", "banner", "--window", "7d", "--alpha", "0.1")
    assert "10 customers have been exposed to 'banner'" in message
    assert "conversion window may not change: outcomes already tallied were counted by the old rule" in message
    assert "alpha may not change: choosing it after having seen results" in message
    assert ExperimentStore(redis).get("banner") == before
    found = shoal.json("experiment", "update", "banner", "--description", "red", "--stop", "2999-01-01")
    assert (found["description"], found["stop"]) == ("red", "2999-01-01T00:00:00Z")


def test_a_change_beside_another_is_not_lost(shoal, monkeypatch):
    shoal(*BANNER)
    monkeypatch.setattr(ExperimentStore, "replace", lambda *_: False)
    message = said(shoal, ConcurrentChange, "experiment", "update", "banner", "--description", "x")
    assert "somebody else has changed" in message


def test_an_experiment_is_ended_once(shoal):
    shoal(*BANNER, "--start", "2026-03-01")
    early = shoal.refused("experiment", "stop", "banner", "--at", "2026-02-01")
    assert "is not between the start" in early
    assert shoal.json("experiment", "stop", "banner")["stopped_at"]
    assert "has ended at" in said(shoal, ExperimentEnded, "experiment", "stop", "banner")
    assert shoal.json("experiment", "list")["experiments"][0]["status"] == "ended"


def test_the_list_shows_every_experiment_and_where_it_stands(shoal, redis):
    assert "no experiments yet" in shoal("experiment", "list").stdout
    shoal(*BANNER, "--start", "2026-03-01")
    shoal("experiment", "create", "later", *BANNER[3:], "--start", "2999-01-01")
    tallied(redis, "banner", Tallies({("A", "s1"): counts(20_000, 1000), ("B", "s1"): counts(60_000, 3900)}))
    rows = {row["experiment"]: row for row in shoal.json("experiment", "list")["experiments"]}
    assert (rows["banner"]["status"], rows["banner"]["exposed"], rows["banner"]["decision"]) == (
        "running",
        80_000,
        "ship",
    )
    assert (rows["later"]["status"], rows["later"]["exposed"], rows["later"]["decision"]) == (
        "planned",
        0,
        "keep_running",
    )
    table = shoal("experiment", "list").stdout
    assert "Ship B" in table
    assert "80,000" in table
    assert "planned" in table


def test_assignment_respects_suppression_holdout_and_segments(shoal, redis):
    shoal(*BANNER, "--target", "s4", "--holdout", "0.2")
    plan = Experiment.model_validate_json(ExperimentStore(redis).get("banner"))
    customers = [f"c{number}" for number in range(60)]
    views: list[Change] = [change_of(each, 1, "s4" if place % 3 else "s1") for place, each in enumerate(customers[:-1])]
    SegmentViews(redis).write(views)
    SuppressionStore(redis).add(ALL, customers[:6])
    SuppressionStore(redis).add("campaign:spring", customers)
    found = shoal.json("experiment", "assign", "banner", *customers)
    assert (found["experiment"], found["status"]) == ("banner", "running")
    for place, row in enumerate(found["assignments"]):
        segment = None if place == 59 else "s4" if place % 3 else "s1"
        expected = assign(row["customer_id"], plan, segment=segment, suppressed=place < 6)
        assert (row["variant"], row["unassigned"], row["segment_id"]) == (*expected, segment)
    reasons = {row["unassigned"] for row in found["assignments"]}
    assert reasons == {None, "suppressed", "holdout", "not_targeted"}
    assert [row["customer_id"] for row in found["assignments"]] == customers
    assert shoal.json("experiment", "assign", "banner", *customers) == found
    table = shoal("experiment", "assign", "banner", "c1").stdout
    assert "none: suppressed" in table
