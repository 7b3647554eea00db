"""The exported table: columns that stay, what is not known left empty."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pandas as pd

from batch.data.customer_table import CustomerTable
from batch.data.segment_export import export_columns, export_table
from batch.lifetime.bg_nbd import BgNbd
from batch.lifetime.gamma_gamma import GammaGamma
from batch.lifetime.lifetime_models import LifetimeModels
from events.time_units import DAY_MS
from tests.building import HALF_LIFE_MS, NOW_MS, rows_with


def exported(rows, attributes=(), profiles=None, models=None):
    ids = np.array([f"c{i}" for i in range(len(rows))], object)
    table = CustomerTable(ids, rows, np.full(len(rows), NOW_MS), HALF_LIFE_MS, attributes)
    if profiles is not None:
        table = replace(table, profiles=profiles)
    return export_table(table, {"s3": "Gold"}, models)


def test_a_customer_is_a_row_with_times_money_and_words():
    rows = rows_with(
        1, segment=3, since=NOW_MS, baseline=2, placed=4, cancelled=1, gross=12_340, refunded=1_000,
        first_order=NOW_MS - 9 * DAY_MS, last_order=NOW_MS - 2 * DAY_MS,
    )  # fmt: skip
    rows["profile_numbers"][0, :3] = (37, 50_000, 7)
    profiles = pd.DataFrame({"country": pd.Categorical(["FR"]), "gender": pd.Categorical([None])})
    (row,) = exported(rows, ("score",), profiles).to_pylist()
    assert (row["customer_id"], row["segment_id"], row["segment"], row["baseline"]) == ("c0", "s3", "Gold", 2)
    assert (row["recency_days"], row["frequency"], row["monetary"], row["gross"]) == (2.0, 3, 11.34, 12.34)
    assert row["last_order"] == datetime.fromtimestamp(NOW_MS / 1000 - 2 * 86_400, UTC)
    assert (row["age"], row["income"], row["attribute_score"]) == (37.0, 50_000.0, 7.0)
    assert (row["country"], row["gender"], row["city"]) == ("FR", None, None)


def test_lifetime_value_is_that_of_the_live_baselines_models_and_empty_without_them():
    models = LifetimeModels(BgNbd(0.243, 4.414, 0.793, 2.426, 0, 1), GammaGamma(6.25, 3.74, 15.44, 0, 1), 52.0, 0.1)
    rows = rows_with(2, first_order=NOW_MS - 90 * DAY_MS, last_order=NOW_MS - 9 * DAY_MS, placed=[4, 0], gross=90_000)
    known, without_orders = exported(rows, models=models).to_pylist()
    values = models.values(rows, np.full(2, NOW_MS))
    names = ("probability_alive", "expected_orders", "lifetime_value")
    assert [known[name] for name in names] == [values.alive[0], values.expected[0], values.value[0]]
    assert [without_orders[name] for name in names] == [None] * 3
    assert [exported(rows).to_pylist()[0][name] for name in names] == [None] * 3


def test_what_is_not_known_is_empty():
    (row,) = exported(rows_with(1)).to_pylist()
    empty = {"segment_id", "segment", "since", "recency_days", "first_order", "last_order", "last_session"}
    assert {name for name, value in row.items() if value is None} >= empty | {"age", "income", "signed_up", "country"}
    assert (row["frequency"], row["monetary"], row["sessions"]) == (0, 0.0, 0)


def test_the_columns_are_the_same_whatever_the_customers_and_the_shops_own_come_last():
    names = [each.name for each in export_columns(())]
    assert exported(rows_with(0)).column_names == exported(rows_with(3)).column_names == names
    assert exported(rows_with(1), ("score",)).column_names == [*names, "attribute_score"]
    assert [field.type for field in exported(rows_with(0)).schema] == [
        field.type for field in exported(rows_with(3)).schema
    ]
    assert all(each.description for each in export_columns(("score",)))
