"""Real purchases in at one end, correct customers and segments out at the other, against pandas."""

import json
from pathlib import Path

import pandas as pd

from cli.formats.cdnow import sample_path
from tests.service import Service, running
from tests.shop import message, purchases


def expected() -> pd.DataFrame:
    """Compute each customer's dates, orders and amount from the file, in cents."""
    names = ["id", "sample_id", "date", "cds", "dollars"]
    table = pd.read_csv(sample_path(), sep=r"\s+", names=names, dtype={"id": str, "date": str})
    table["at"] = pd.to_datetime(table["date"], format="%Y%m%d").astype("datetime64[ms]").astype("int64")
    table["cents"] = (table["dollars"] * 100).round().astype("int64")
    groups = table.groupby("id")
    return groups.agg(first=("at", "min"), last=("at", "max"), orders=("at", "size"), cents=("cents", "sum"))


def test_the_sample_through_kafka_is_what_pandas_computes(
    kafka: str, redis_database_url: str, topic_prefix: str, tmp_path: Path
):
    with running(Service(kafka, redis_database_url, topic_prefix, tmp_path, partitions=8)) as service:
        service.worker()
        service.publish(purchases())
        service.publish(refund(customer_id, 1.25) for customer_id in ("00004", "00021"))
        ends = service.until_processed()
        records, table = service.records(), expected()
        assert records.keys() == set(table.index)
        for customer in table.itertuples():
            row = records[customer.Index]
            assert (row["first_order"], row["last_order"]) == (customer.first, customer.last)
            assert (row["placed"], row["gross"]) == (customer.orders, customer.cents * 10)
            assert row["refunded"] == (1_250 if customer.Index in ("00004", "00021") else 0)
        assert table["orders"].sum() == 6_919
        service.assert_outcomes_add_up(ends)
        service.assert_changes_agree()
        service.assert_model_is_sum_of_customers()
        _, records, views = service.at_one_moment(lambda: None)
        for customer_id in table.index:
            assert views[customer_id].segment
            assert views[customer_id].segment_id == f"s{records[customer_id]['segment']}"


def refund(customer_id: str, amount: float):
    bought = next(json.loads(each.value) for each in purchases() if each.key == customer_id)
    return message(
        "orders",
        type="refunded",
        event_id=f"refund-{customer_id}",
        customer_id=customer_id,
        occurred_at="1998-01-01T00:00:00Z",
        order_id=bought["order_id"],
        amount=amount,
        currency="USD",
    )
