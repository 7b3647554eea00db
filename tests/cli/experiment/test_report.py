"""`shoal experiment report`, `shoal experiment power` and `shoal export experiments`, from tallies in a real Redis."""

import csv
import json
from datetime import UTC, datetime, timedelta

import pyarrow.parquet as pq
import pytest

from cli.experiment.export_rows import COLUMNS
from cli.experiment.planning_baseline import NoBaseline
from cli.printing.table_file import Column, write_table
from events.time_units import DAY_MS
from experiments import Experiment, Tallies, Tally
from experiments.planning.sample_size_formulas import sample_size_of_means, sample_size_of_proportions
from experiments.reporting.report import report
from experiments.statistics.sample import Sample
from state.customers.records import CustomerBatch, pack
from state.experiments.definitions import ExperimentStore
from state.experiments.tally_store import TallyStore
from state.store import keys
from tests.building import make_baseline
from tests.cli.experiment.experimenting import PARTITIONS, Shoal, counts, tallied
from tests.experiments.tallying import shop

BANNER = (
    "experiment",
    "create",
    "banner",
    "--variant",
    "A",
    "--variant",
    "B",
    "--control",
    "A",
    "--start",
    "2026-03-01",
)
BETTER = Tallies(
    {
        ("A", "s1"): counts(9_000, 450),
        ("B", "s1"): counts(9_100, 650, contaminated=30, repeated=4_000),
        ("A", "s77"): counts(3_000, 90),
        ("B", "s77"): counts(2_950, 95, contaminated=3),
        ("A", "unknown"): counts(8, 1),
    }
)


@pytest.fixture
def shoal(redis_database_url, entries_topic):
    return Shoal(redis_database_url)


def test_tallies_of_all_partitions_add_up(shoal, redis):
    tallied(redis, "banner", BETTER, after_stop=3)
    found = TallyStore(redis).read("banner", PARTITIONS)
    assert Tallies({cell: Tally(*values) for cell, values in found.cells.items()}) == BETTER
    assert found.left_out == {"after_stop": 3}


def test_the_json_is_the_report_on_the_tallies_with_what_was_left_out(shoal, redis):
    shoal(*BANNER, "--guardrail", "retention")
    tallied(redis, "banner", BETTER, after_stop=3)
    found = shoal.json("experiment", "report", "banner")
    experiment = Experiment.model_validate_json(ExperimentStore(redis).get("banner"))
    expected = report(experiment, BETTER, datetime.fromisoformat(found["at"]), {"after_stop": 3})
    assert found == json.loads(expected.model_dump_json())
    assert found["left_out"] == {"after_stop": 3}
    assert found["overall"]["arms"][1]["contaminated"] == 33
    assert [part["segment"] for part in found["segments"]] == ["s1", "s77", "unknown"]


def test_the_table_says_the_verdict_first_then_everything_in_words(shoal, redis):
    redis.set(
        keys.baseline(1), make_baseline(ids=(1, 2, 77)).model_copy(update={"status": "retired"}).model_dump_json()
    )
    redis.mset({keys.BASELINE_LAST: 2, keys.BASELINE_CURRENT: make_baseline(2).model_dump_json()})
    shoal(*BANNER, "--guardrail", "average_order_value")
    tallied(redis, "banner", BETTER, after_stop=3, something_new=1)
    text = shoal("experiment", "report", "banner").stdout
    # Its guardrail has no orders, so nothing is shipped over it.
    assert text.startswith("Keep running: the conversion rate is ")
    assert "but whether the average order value is worse cannot be told yet." in text
    assert "High-Value Loyalists (s1)" in text
    assert "Segment 77 (s77)" in text
    unsaid = next(line for line in text.splitlines() if line.startswith("• Nothing") and "no orders" in line)
    assert unsaid.startswith(
        "• Nothing can be said of average order value of B, average order value of B in High-Value"
    )
    for part in (
        "always-valid",
        "banner: running, 2026-03-01 00:00 UTC",
        "33 customers (0.1%) were shown another variant too",
        "4,000 later exposures of customers already counted.",
        "3 exposures after the end, left out.",
        "1 left out: something new.",
        "Split between the arms: as assigned",
        "B is the best arm in conversion rate with a chance of 100.0% (Bayesian).",
        "By now, differences of this size would probably be found: ",
        "differs between segments: p = ",
    ):
        assert part in text, part


def test_nothing_and_a_mismatch_are_said_in_words(shoal, redis):
    shoal(*BANNER)
    text = shoal("experiment", "report", "banner").stdout
    assert text.startswith("Keep running: nothing is decided yet")
    assert "Split between the arms: Nobody has been exposed yet." in text
    assert "Nothing can be said of conversion rate of B: nobody has been exposed yet." in text
    tallied(redis, "banner", Tallies({("A", "s1"): counts(900, 45), ("B", "s1"): counts(1_400, 60)}))
    text = shoal("experiment", "report", "banner").stdout
    assert text.startswith("Cannot trust: ")
    assert "NOT as assigned (p < 0.0001; in High-Value Loyalists (s1))" in text


@pytest.mark.parametrize(
    ("method", "said"),
    [
        (["--method", "fixed", "--stop", "2026-04-01"], "valid once"),
        (["--method", "group_sequential", "--planned-customers", "40000"], "3 of 5: crossed"),
    ],
)
def test_each_method_shows_what_it_decides_by(shoal, redis, method, said):
    shoal(*BANNER, *method)
    tallied(redis, "banner", BETTER)
    text = shoal("experiment", "report", "banner").stdout
    assert said in text
    assert "always-valid" not in text


def test_a_replayed_experiment_is_read_at_the_time_of_its_events(shoal, redis):
    at = datetime(1997, 6, 1, tzinfo=UTC)
    redis.hset(keys.outcome_counts(1, keys.EXPERIMENTS_GROUP), "watermark", int(at.timestamp() * 1000))
    found = shoal.json("experiment", "create", "old", *BANNER[3:-2], "--minimum-effect", "0.1")
    assert found["start"] == "1997-06-01T00:00:00Z"
    redis.hset(
        keys.outcome_counts(1, keys.EXPERIMENTS_GROUP), "watermark", int((at + timedelta(days=4)).timestamp() * 1000)
    )
    tallied(redis, "old", Tallies({(name, "s1"): counts(1_000, 50) for name in "AB"}))
    verdict = shoal.json("experiment", "report", "old")["verdict"]
    assert verdict["more_days"] == pytest.approx(verdict["more_customers"] / 500, abs=1)


def test_sample_sizes_from_rates_on_the_command_line(shoal):
    found = shoal.json("experiment", "power", "--rate", "0.05", "--effect", "0.1")
    assert found["source"] == "given"
    needed = found["baselines"][0]["needed"]
    assert needed["fixed"] == 2 * sample_size_of_proportions(0.05, 0.1)
    assert needed["fixed"] < needed["group_sequential"] < needed["sequential"]
    three = shoal.json("experiment", "power", "--mean", "12", "--sd", "40", "--arms", "3", "--power", "0.9")
    one_arm = sample_size_of_means(Sample(1, 12.0, 1600.0), 0.05, alpha=0.025, power=0.9)
    assert three["baselines"][0]["needed"]["fixed"] == pytest.approx(3 * one_arm, abs=3)
    assert f"{needed['fixed']:,}" in shoal("experiment", "power", "--rate", "0.05", "--effect", "0.1").stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--rate", "0.1", "--mean", "3"], "but not both"),
        (["--mean", "3"], "--mean needs --sd"),
        (["--rate", "0"], "a rate is above 0 and below 1"),
        (["--rate", "1.5"], "'--rate': Input should be less than or equal to 1"),
        (["--effect", "0"], "'--effect': Input should be greater"),
        (["--window", "soon"], "'soon' is not a duration"),
    ],
)
def test_what_cannot_be_planned_with_is_wrong_usage(shoal, arguments, message):
    assert message in shoal.refused("experiment", "power", *arguments)


def test_a_running_experiment_tells_what_it_needs_and_can_find_by_now(shoal, redis):
    shoal(*BANNER, "--minimum-effect", "0.2")
    tallied(redis, "banner", Tallies({(name, "s1"): counts(2_000, 100) for name in "AB"}))
    found = shoal.json("experiment", "power", "banner")
    seen = shoal.json("experiment", "report", "banner")
    assert (found["source"], found["exposed"], found["effect"]) == ("experiment", 4_000, 0.2)
    overall, segment = found["baselines"]
    assert (overall["segment_id"], segment["segment_id"], segment["segment"]) == (None, "s1", "High-Value Loyalists")
    assert overall["mean"] == 0.05
    assert overall["needed"]["sequential"] - 4_000 == found["more_customers"] == seen["verdict"]["more_customers"]
    detectable = [each["minimum_detectable_effect"] for each in found["detectable"]]
    assert detectable[0] == seen["overall"]["comparisons"][0]["minimum_detectable_effect"] > 0.01
    assert "detectable" in shoal("experiment", "power", "banner").stdout


def test_baseline_rates_come_from_the_records_by_the_segment_held_before(shoal, redis):
    now_ms = int(datetime(2020, 1, 31, tzinfo=UTC).timestamp() * 1000)
    day = DAY_MS
    batch = CustomerBatch.blank([f"c{number}" for number in range(100)])
    rows = batch.rows
    rows["placed"], rows["first_order"], rows["segment"], rows["change_number"] = 1, now_ms - 90 * day, 1, 1
    rows["last_order"], rows["since"] = now_ms - 90 * day, now_ms - 80 * day
    rows["last_order"][:20] = now_ms - 3 * day  # 20 of 80 in segment 1 have ordered within 30 days
    rows["segment"][80:], rows["since"][80:] = 2, now_ms - 80 * day
    rows["last_order"][80:90] = now_ms - 3 * day  # and 10 of 20 in segment 2,
    rows["change_number"][80:90], rows["segment"][80:90] = 2, 5
    rows["since"][80:90] = now_ms - 2 * day  # who hold another one by now
    rows["earlier"][80:90, 0] = (now_ms - 80 * day) << 16 | 2
    newcomer = CustomerBatch.blank(["late"])
    newcomer.rows["first_order"] = newcomer.rows["last_order"] = now_ms - day
    for partition, part in enumerate((batch, newcomer)):
        redis.hset(keys.customers(partition), mapping=dict(zip(part.ids, pack(part), strict=True)))
    redis.hset(keys.outcome_counts(0, keys.SEGMENTS_GROUP), "watermark", now_ms)
    found = shoal.json("experiment", "power", "--window", "30d")
    told = [(each["segment_id"], each["customers"], each["mean"]) for each in found["baselines"]]
    assert told == [(None, 100, 0.3), ("s1", 80, 0.25), ("s2", 20, 0.5)]
    assert found["baselines"][1]["segment"] == "High-Value Loyalists"
    assert found["window_days"] == 30
    assert "Frequent Buyers" in shoal("experiment", "power").stdout


def test_without_anybody_there_is_no_rate_to_plan_with(shoal):
    result = shoal("experiment", "power", fails=True)
    assert isinstance(result.exception, NoBaseline)
    assert "--rate" in str(result.exception)


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_the_export_has_a_row_for_each_arm_and_metric_and_stable_columns(shoal, redis, tmp_path, suffix):
    shoal(*BANNER, "--guardrail", "revenue_per_customer")
    shoal("experiment", "create", "empty", *BANNER[3:])
    cells = {(name, "s1"): shop(place, 20_000, lift=0.3 * place) for place, name in enumerate("AB")}
    tallied(redis, "banner", Tallies(cells))
    file = tmp_path / f"results.{suffix}"
    written = shoal.json("export", "experiments", "--to", str(file))
    rows = list(csv.DictReader(file.read_text().splitlines())) if suffix == "csv" else pq.read_table(file).to_pylist()
    assert written == {"file": str(file), "rows": len(rows), "columns_file": f"{file}.columns.json"}
    assert len(rows) == 2 * 2 * 2 + 2
    names = [column.name for column in COLUMNS]
    assert list(rows[0]) == names
    assert json.loads((tmp_path / f"results.{suffix}.columns.json").read_text()) == [each._asdict() for each in COLUMNS]
    seen = shoal.json("experiment", "report", "banner")["overall"]["comparisons"]
    (row,) = (
        each
        for each in rows
        if (each["experiment"], each["variant"], each["metric"], each["segment_id"])
        == ("banner", "B", "revenue_per_customer", "")
    )
    assert float(row["effect"]) == seen[1]["effect"]
    assert float(row["cuped_ci_low"]) == seen[1]["cuped"]["ci"][0]
    assert float(row["sequential_p_adjusted"]) == seen[1]["sequential"]["p_adjusted"]
    assert str(row["is_control"]).lower() == "false"
    control = next(each for each in rows if each["variant"] == "A")
    assert control["effect"] in ("", None)
    assert {each["decision"] for each in rows if each["experiment"] == "empty"} == {"keep_running"}


def test_the_columns_that_were_published_stay(shoal):
    published = [
        "experiment", "at", "status", "decision", "method", "alpha", "srm_p_value", "srm_mismatch", "segment_id",
        "segment", "variant", "is_control", "exposed", "expected_share", "contaminated", "repeated", "converted",
        "orders", "revenue", "retained", "metric", "role", "value", "effect", "ci_low", "ci_high", "p_value",
        "p_adjusted", "sequential_ci_low", "sequential_ci_high", "sequential_p_value", "sequential_p_adjusted", "lift",
        "lift_ci_low", "lift_ci_high", "cuped_effect", "cuped_ci_low", "cuped_ci_high", "decided_by",
        "minimum_detectable_effect", "cannot_say",
    ]  # fmt: skip
    assert [column.name for column in COLUMNS][: len(published)] == published


def test_a_file_of_another_kind_or_in_no_folder_is_refused(shoal, tmp_path):
    assert "neither .csv nor .parquet" in shoal.refused("export", "experiments", "--to", str(tmp_path / "x.xlsx"))
    result = shoal("export", "experiments", "--to", str(tmp_path / "nowhere" / "x.csv"), fails=True)
    assert "cannot be written" in str(result.exception)


def test_an_export_that_fails_leaves_the_old_file_as_it_was(tmp_path):
    file, columns = tmp_path / "x.csv", [Column("n", "integer", "a number")]
    write_table(file, columns, [{"n": 1}])
    before = file.read_bytes()

    def rows():
        yield {"n": 2}
        raise RuntimeError("Redis is gone")

    with pytest.raises(RuntimeError):
        write_table(file, columns, rows())
    assert file.read_bytes() == before
    assert sorted(each.name for each in tmp_path.iterdir()) == ["x.csv", "x.csv.columns.json"]
