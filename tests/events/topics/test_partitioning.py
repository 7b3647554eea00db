"""Partitions are those that Kafka's own clients choose."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from kafka.partitioner.default import murmur2

from events.topics import partitioning
from events.topics.partitioning import partitions_of
from tests.building import both_ways, examples

ids = st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40), max_size=20)


way = both_ways(partitioning)


@pytest.mark.usefixtures("way")
@given(ids, st.integers(1, 4096))
@examples(100)
def test_partition_is_that_of_kafka_python(customer_ids, partitions):
    expected = [(murmur2(each.encode()) & 0x7FFFFFFF) % partitions for each in customer_ids]
    assert partitions_of(customer_ids, partitions).tolist() == expected


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize(
    ("text", "murmur2_of_it"),
    [
        ("21", -973932308),
        ("foobar", -790332482),
        ("a-little-bit-long-string", -985981536),
        ("a-little-bit-longer-string", -1486304829),
        ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        ("abc", 479470107),
    ],
)
def test_hash_is_that_of_kafkas_java_client(text, murmur2_of_it):
    """The vectors are those of the test of org.apache.kafka.common.utils.Utils.murmur2."""
    for partitions in (8, 4096, 999_983):
        assert partitions_of([text], partitions).tolist() == [(murmur2_of_it & 0x7FFFFFFF) % partitions]


@given(ids)
def test_partition_does_not_depend_on_the_company(customer_ids):
    alone = [partitions_of([each], 8)[0] for each in customer_ids]
    assert partitions_of(customer_ids, 8).tolist() == alone


@pytest.mark.usefixtures("way")
def test_longest_identifiers_have_partitions():
    customer_ids = ["\U0001f600" * 128, "x" * 128, "x"]
    assert partitions_of(customer_ids, 64).tolist() == [
        (murmur2(each.encode()) & 0x7FFFFFFF) % 64 for each in customer_ids
    ]


def test_no_customers_have_no_partitions():
    assert partitions_of([], 8).tolist() == []


def test_customers_are_spread_evenly():
    counts = np.bincount(partitions_of([f"C-{i}" for i in range(80_000)], 8), minlength=8)
    assert counts.min() > 9_500
    assert counts.max() < 10_500


@pytest.mark.usefixtures("way")
def test_a_name_that_has_no_bytes_is_refused():
    with pytest.raises(UnicodeEncodeError):
        partitions_of(["fine", "half \ud800"], 8)
