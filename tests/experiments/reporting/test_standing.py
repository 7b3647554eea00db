"""Since when a decision stands, and what was found and no longer holds."""

from datetime import UTC, datetime

from experiments import Tallies
from experiments.reporting.document import Reached
from experiments.reporting.report import report
from experiments.reporting.standing import standing_sentences
from tests.experiments.tallying import START, counts, experiment

SHIPPED = report(
    experiment(), Tallies({("A", "all"): counts(20_000, 1_000), ("B", "all"): counts(20_000, 1_300)}), START
)


def day(number):
    return datetime(2026, 9, number, 10, 30, tzinfo=UTC)


def test_nothing_is_said_before_anybody_has_recorded_it():
    assert standing_sentences(SHIPPED) == []


def test_a_decision_stands_since_it_was_reached():
    reached = [
        Reached(decision="keep_running", at=day(20), exposed=10),
        Reached(decision="ship", variant="B", at=day(23), exposed=694),
    ]
    (said,) = standing_sentences(SHIPPED.model_copy(update={"reached": reached}))
    assert said == "So since 23 Sep 2026, 10:30, with 694 customers."


def test_a_verdict_that_is_none_stands_since_nothing():
    waiting = report(experiment(), Tallies({("A", "all"): counts(500, 25), ("B", "all"): counts(500, 26)}), START)
    assert waiting.verdict.decision == "keep_running"
    reached = [Reached(decision="keep_running", at=day(20), exposed=10)]
    assert standing_sentences(waiting.model_copy(update={"reached": reached})) == []


def test_a_finding_that_went_away_says_so():
    reached = [
        Reached(decision="ship", variant="B", at=day(23), exposed=694),
        Reached(decision="keep_running", at=day(25), exposed=1_200),
    ]
    gone = (
        "“ship B” was reached on 23 Sep 2026, 10:30, with 694 customers, and no longer held on 25 Sep 2026, 10:30, "
        "with 1,200."
    )
    again = [*reached, Reached(decision="ship", variant="B", at=day(28), exposed=2_000)]
    assert standing_sentences(SHIPPED.model_copy(update={"reached": again})) == [
        "So since 28 Sep 2026, 10:30, with 2,000 customers.", gone,
    ]  # fmt: skip
    # What is recorded last is no longer what the tallies say: it has not been recorded yet since when.
    assert standing_sentences(SHIPPED.model_copy(update={"reached": reached})) == [gone]
