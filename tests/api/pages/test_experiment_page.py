"""The experiment's page, the API and the command line say the same, figure by figure, by the method that decides."""

import pytest

from api.access.scopes import Scope
from experiments import Metric, Reason, Tallies, Tally
from queries.experiments.effect_recording import record_all_effects
from queries.experiments.experiments import Experiments
from state.experiments.effect_series import EffectSeriesStore
from state.experiments.reached_decisions import ReachedDecision, ReachedDecisionStore
from stream.customers.wall_or_event_time import SegmentClock
from tests.api.conftest import PARTITIONS
from tests.api.pages.conftest import CHROMIUM
from tests.cli.experiment.experimenting import Shoal, counts, tallied
from tests.experiments.tallying import shop as customers

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed (Debian: apt install chromium)"),
]
RATES = {"conversion_rate", "retention"}
ALWAYS, ONCE, LOOK = "Always-valid interval", "Interval, valid once", "Interval of this look"
PLANS = {
    "always": ({"primary_metric": "conversion_rate"}, ALWAYS, ALWAYS),
    "cuped": ({"primary_metric": "revenue_per_customer", "guardrails": ["conversion_rate"]}, ALWAYS, ALWAYS),
    "once": ({"primary_metric": "conversion_rate", "method": "fixed", "planned_customers": 900}, ONCE, ONCE),
    "looks": (
        {"primary_metric": "conversion_rate", "method": "group_sequential", "planned_customers": 9_000}, LOOK, ONCE,
    ),
}  # fmt: skip
ARMS = {
    ("A", "s1"): customers(51, 1_500, rate=0.2, correlation=0.9),
    ("B", "s1"): customers(52, 1_480, rate=0.2, lift=0.15, correlation=0.9),
    ("A", "s2"): customers(53, 900, rate=0.1, correlation=0.9),
    ("B", "s2"): customers(54, 910, rate=0.1, correlation=0.9),
    ("A", "s3"): counts(3, 0),
    ("A", "s5"): customers(55, 300, rate=0.1),
    ("B", "s5"): customers(56, 310, rate=0.1),
    ("A", "s4"): counts(4, 0),
    ("B", "s4"): counts(2, 0),
}


def cells(row):
    """The effect, interval and p-value of a comparison, written from the API's numbers and not by the pages' code."""
    found, rate = row["decides"], row["metric"] in RATES
    if found["effect"] is None:
        return ["–", "–", "–"]
    unit, factor = (" pt", 100) if rate else ("", 1)
    # The plain or adjusted estimate, whichever the comparison says that it is decided by.
    effect = row["cuped"]["effect"] if row["decided_by"] == "cuped" else row["effect"]
    effect = row["sequential"]["effect"] if effect is None else effect
    low, high = found["ci"]
    said = [f"{effect * factor:+,.2f}{unit}", f"{low * factor:+,.2f} to {high * factor:+,.2f}"]
    if found["validity"] == "planned_look":
        look = row["group_sequential"]
        return [*said, f"{look['number']} of {look['looks']}: {'crossed' if look['crossed'] else 'not crossed'}"]
    p_value = found["p_adjusted"]
    text = "<0.0001" if p_value < 0.0001 else f"{p_value:.2g}" if p_value < 0.01 else f"{p_value:.3f}"
    return [*said, text]


def by_method(row):
    """The interval that the declared method gives, from where it stood in the report before `decides` did."""
    source = row["cuped"] if row["decided_by"] == "cuped" else row
    validity = row["decides"]["validity"]
    if validity == "planned_look":
        return row["group_sequential"]["ci"], None
    if validity == "always":
        return source["sequential"]["ci"], row["sequential"]["p_adjusted"]
    return source["ci"], row["p_adjusted"]


def table_of(page, heading):
    """The headings and the rows of the table under a heading, as a reader sees them."""
    table = page.locator(f"section[aria-labelledby='{heading}'] table")
    rows = [[cell.inner_text().strip() for cell in row.locator("th, td").all()] for row in table.locator("tr").all()]
    return [" ".join(each.split()) for each in rows[0]], rows[1:]


@pytest.mark.parametrize("plan", PLANS)
def test_page_api_and_command_line_say_the_same(shop, page, redis_database_url, plan):
    fields, overall_heading, segment_heading = PLANS[plan]
    definition = {"id": "promo", "variants": [{"name": "A"}, {"name": "B"}], "control": "A"}
    fields = {"guardrails": ["retention", "average_order_value"], **fields, "start": "2025-12-01T00:00:00Z"}
    assert shop.post("/v1/experiments", {**definition, **fields}, Scope.EXPERIMENTS_WRITE).status_code == 201
    tallied(shop.redis, "promo", Tallies(ARMS))
    api = shop.get("/v1/experiments/promo/report", Scope.EXPERIMENTS_READ).json()
    shoal = Shoal(redis_database_url)
    document = shoal.json("experiment", "report", "promo", SHOAL_CLOCK="event")
    assert {**document, "at": None} == {**api, "at": None}
    text = shoal("experiment", "report", "promo", SHOAL_CLOCK="event", COLUMNS="240").stdout

    page.goto("http://127.0.0.1/experiments/promo")
    assert page.locator(".lead").inner_text() == api["verdict"]["sentence"]
    assert text.startswith(api["verdict"]["sentence"])
    assert api["guardrails"]["sentence"] in page.locator("section[aria-labelledby='guardrails']").inner_text()

    headings, rows = table_of(page, "effects")
    assert headings[3] == overall_heading
    comparisons = api["overall"]["comparisons"]
    assert [row[2:] for row in rows] == [cells(row) for row in comparisons]
    assert [row[1].rstrip("*") for row in rows] == [row["metric"].replace("_", " ") for row in comparisons]
    for row in comparisons:
        assert (row["decides"]["ci"], row["decides"]["p_adjusted"]) == by_method(row)
        line = next(line for line in text.splitlines() if line.split()[:1] == ["B"] and cells(row)[1] in line)
        assert all(cell in line for cell in cells(row))

    headings, rows = table_of(page, "segments")
    assert headings[4] == segment_heading
    in_segments = [(part["segment"], row) for part in api["segments"] for row in part["comparisons"]]
    assert [row[3:] for row in rows] == [cells(row) for _, row in in_segments]
    assert len(rows) == 5 * len(comparisons)
    for _, row in in_segments:
        assert all(cell in text for cell in cells(row))

    page_text = page.locator("section[aria-labelledby='segments']").inner_text()
    reasons = {row["decides"]["cannot_say"] for row in [*comparisons, *(row for _, row in in_segments)]} - {None}
    assert {"arm_empty", "too_few_buyers"} <= reasons
    for each in reasons:
        assert Reason(each).sentence[1:] in page_text
        assert Reason(each).sentence[1:] in text

    drawn = page.evaluate("document.querySelector('[data-figure=forest-figure]').data[0].y.length")
    primary = [row for row in [*comparisons, *(row for _, row in in_segments)] if row["role"] == "primary"]
    assert drawn == sum(row["decides"]["ci"] is not None for row in primary)

    p_value = api["srm"]["sequential_p_value" if api["method"] == "sequential" else "p_value"]
    assert f"(p {p_value:.3f})" in page.locator("section[aria-labelledby='arms']").inner_text()
    assert f"as assigned (p = {p_value:.3f})" in text


def test_the_forest_and_the_course_show_what_decides(shop, page):
    """Where CUPED decides, the plain interval is not drawn; in an always-valid experiment no other one is."""
    definition = {
        "id": "promo", "variants": [{"name": "A"}, {"name": "B"}], "control": "A", "start": "2025-12-01T00:00:00Z",
        "primary_metric": Metric.REVENUE_PER_CUSTOMER,
    }  # fmt: skip
    shop.post("/v1/experiments", definition, Scope.EXPERIMENTS_WRITE)
    experiments = Experiments(shop.redis, PARTITIONS, SegmentClock("event"))
    series, decisions = EffectSeriesStore(shop.redis), ReachedDecisionStore(shop.redis)
    decisions.add("promo", ReachedDecision("ship", "B", 1_700_000_000_000, 694))
    for count in (1, 2):
        tallied(shop.redis, "promo", Tallies({k: sum((v for _ in range(count)), Tally()) for k, v in ARMS.items()}))
        shop.redis.delete("looks:turn")
        record_all_effects(experiments, series, decisions, 60.0)
    api = shop.get("/v1/experiments/promo/report", Scope.EXPERIMENTS_READ).json()
    (row,) = api["overall"]["comparisons"]
    assert row["decided_by"] == "cuped"
    page.goto("http://127.0.0.1/experiments/promo")
    page.locator("[data-figure=forest-figure] .main-svg").first.wait_for()
    drawn = page.evaluate("document.querySelector('[data-figure=forest-figure]').data[0]")
    assert drawn["x"][0] == pytest.approx(row["cuped"]["effect"])
    assert drawn["x"][0] + drawn["error_x"]["array"][0] == pytest.approx(row["cuped"]["sequential"]["ci"][1])
    part = api["segments"][0]["comparisons"][0]
    assert drawn["x"][1] - drawn["error_x"]["arrayminus"][1] == pytest.approx(part["decides"]["ci"][0])
    page.locator("[data-figure=over-time-figure] .main-svg").first.wait_for()
    low = page.evaluate("document.querySelector('[data-figure=over-time-figure]').data[0].y")
    assert low[-1] == pytest.approx(row["cuped"]["sequential"]["ci"][0], abs=1e-3)
    said = page.locator(".verdict-card").inner_text()
    assert "“ship B” was reached on 14 Nov 2023, 22:13, with 694 customers, and no longer held on" in said
