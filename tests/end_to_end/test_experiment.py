"""An experiment as an analyst runs it: define, publish, wait, read, end; against pandas on the files."""

import json
from pathlib import Path

import pandas as pd
import pytest

from tests.end_to_end.test_command_line import answer, shoal, started_up

pytestmark = pytest.mark.slow

CREATE = (
    *("experiment", "create", "free-shipping", "--variant", "control", "--variant", "free", "--control", "control"),
    *(
        "--attribution",
        "conversions",
        "--window",
        "10d",
        "--start",
        "2025-04-01",
        "--guardrail",
        "revenue_per_customer",
    ),
)
WINDOW = pd.Timedelta(days=10)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory):
    place = tmp_path_factory.mktemp("experiment")
    child = started_up(place)
    try:
        yield place
    finally:
        child.stop(40)


def events(folder: Path, topic: str) -> pd.DataFrame:
    lines = (folder / "shop" / f"{topic}.jsonl").read_text().splitlines()
    table = pd.DataFrame([json.loads(line) for line in lines])
    table["occurred_at"] = pd.to_datetime(table["occurred_at"], format="ISO8601", utc=True)
    return table.assign(value=table["value"].astype(float)) if topic == "conversions" else table


def expected(folder: Path) -> pd.DataFrame:
    """Customers, converted ones and revenue by variant, from the files alone."""
    exposures = events(folder, "exposures")
    first = exposures.sort_values("occurred_at").groupby("customer_id").first()
    assert (first["occurred_at"] >= pd.Timestamp("2025-04-01", tz="UTC")).all()
    found = events(folder, "conversions").merge(first.reset_index(), on="customer_id", suffixes=("", "_first"))
    age = found["occurred_at"] - found["occurred_at_first"]
    found = found[(age >= pd.Timedelta(0)) & (age < WINDOW)]
    return pd.DataFrame(
        {
            "exposed": first.groupby("variant").size(),
            "converted": found.groupby("variant")["customer_id"].nunique(),
            "revenue": found.groupby("variant")["value"].sum().round(2),
        }
    )


@pytest.mark.long
def test_from_the_definition_to_the_verdict(folder):
    answer(folder, *CREATE)
    simulated = answer(folder, "simulate", "--customers", "1500", "--days", "120", "--to", "shop")
    assert simulated
    # Conversions before the exposures they follow from, and everything in any order.
    for topic in ("conversions", "orders", "exposures"):
        answer(folder, "publish", topic, f"shop/{topic}.jsonl", "--shuffle", "7")
    answer(folder, "wait", "--timeout", "100")
    found = answer(folder, "experiment", "report", "free-shipping")
    arms = {arm["variant"]: arm for arm in found["overall"]["arms"]}
    for variant, row in expected(folder).iterrows():
        assert (arms[variant]["exposed"], arms[variant]["converted"]) == (row["exposed"], row["converted"])
        assert arms[variant]["revenue"] == pytest.approx(row["revenue"], abs=1e-6)
    assert sum(arm["exposed"] for arm in arms.values()) > 500
    assert shoal(folder, "experiment", "report", "free-shipping").stdout.startswith(found["verdict"]["sentence"][:40])
    (listed,) = answer(folder, "experiment", "list")["experiments"]
    assert listed["exposed"] == sum(arm["exposed"] for arm in arms.values())

    refused = shoal(folder, "experiment", "update", "free-shipping", "--window", "5d")
    assert refused.returncode == 1
    assert "conversion window may not change" in refused.stderr
    stopped = answer(folder, "experiment", "stop", "free-shipping")
    at = events(folder, "exposures")["occurred_at"].max()
    late = {
        "event_id": "late", "customer_id": "latecomer", "occurred_at": (at + pd.Timedelta(days=1)).isoformat(),
        "experiment": "free-shipping", "variant": "free",
    }  # fmt: skip
    assert pd.Timestamp(stopped["stopped_at"]) < pd.Timestamp(late["occurred_at"])
    (folder / "late.jsonl").write_text(json.dumps(late) + "\n")
    answer(folder, "publish", "exposures", "late.jsonl")
    answer(folder, "wait", "--timeout", "60")
    after = answer(folder, "experiment", "report", "free-shipping")
    assert after["overall"]["arms"] == found["overall"]["arms"]
    assert after["left_out"]["after_stop"] == 1
    answer(folder, "export", "experiments", "--to", "results.parquet")
    table = pd.read_parquet(folder / "results.parquet")
    overall = table[(table["segment_id"] == "") & (table["metric"] == "conversion_rate")].set_index("variant")
    assert overall["converted"].to_dict() == {name: arm["converted"] for name, arm in arms.items()}
