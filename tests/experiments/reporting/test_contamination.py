"""What the report says of customers who were shown several variants."""

import dataclasses

from experiments import Tallies, Tally
from experiments.reporting.contamination import MERGED_CONTAMINATED, contamination_sentences
from experiments.reporting.report import report
from tests.experiments.tallying import START, counts, experiment


def sentences(a: Tally, merged: int = 0):
    tallies = Tallies({("A", "all"): a, ("B", "all"): counts(100, 10)})
    return list(contamination_sentences(report(experiment(), tallies, START, {MERGED_CONTAMINATED: merged})))


def test_nobody_is_not_mentioned():
    assert sentences(counts(100, 10)) == []


def test_under_one_id_they_count_for_the_first():
    assert sentences(counts(100, 10, contaminated=1)) == [
        "1 customer (0.5%) was shown another variant too; it counts for the first."
    ]


def test_under_merged_ids_they_are_out_of_the_comparison():
    tally = dataclasses.replace(counts(100, 10), contaminated=5)
    assert sentences(tally, merged=2) == [
        "3 customers (1.5%) were shown another variant too; they count for the first.",
        "2 customers were shown different variants under ids that were merged; they are out of the comparison.",
    ]
    (alone,) = sentences(dataclasses.replace(tally, contaminated=1), merged=1)
    assert alone == "1 customer was shown different variants under ids that were merged; it is out of the comparison."
