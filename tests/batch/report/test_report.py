"""The report: everything in one file, every text escaped, nobody named."""

import json
import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

from batch.report.write_report import ReportMissing, write
from tests.batch.proposing import customers, proposal_of

pytestmark = pytest.mark.slow

NASTY = "<script>alert('$x_1$')</script> & Söhne"


class Page(HTMLParser):
    """Collects the tags, the addresses and the text of a page."""

    def __init__(self):
        super().__init__()
        self.tags, self.addresses, self.text = [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.addresses += [value for name, value in attrs if name in ("src", "href")]

    def handle_data(self, data):
        self.text.append(data)


def parsed(path):
    page = Page()
    page.feed(path.read_text(encoding="utf-8"))
    return page


@pytest.fixture(scope="module")
def proposal():
    rows = customers()
    countries = np.where(np.arange(len(rows)) % 3 == 0, NASTY, "DE")
    first = proposal_of(rows).baseline
    rows["segment"] = np.repeat([7, 8, 9, 10], [40, 50, 60, 70])
    return proposal_of(
        rows,
        first,
        k=5,
        number=2,
        last_number=first.last_segment,
        profiles=pd.DataFrame({"country": pd.Categorical(countries)}),
    )


@pytest.fixture
def page(proposal, tmp_path):
    segments = [
        each.model_copy(update={"segment": f"{NASTY} {i}"}) for i, each in enumerate(proposal.baseline.segments)
    ]
    baseline = proposal.baseline.model_copy(update={"segments": segments, "decided_by": NASTY, "decision": NASTY})
    html, _ = write(tmp_path / "report", baseline, proposal.report)
    return parsed(html)


def test_the_page_opens_without_a_network(page):
    assert page.addresses
    assert all(each.startswith("data:image/svg+xml;base64,") for each in page.addresses)
    assert not {"script", "link", "iframe"} & set(page.tags)


def test_texts_of_people_and_of_data_are_shown_as_they_are_and_never_run(page):
    assert any(NASTY in text for text in page.text)


def test_every_part_of_the_report_is_there(page):
    said = " ".join(page.text)
    for heading in (
        *("The segments at a glance", "What to do with each segment", "What changes when it goes live"),
        *("What each segment is like", "Where they live", "What they are worth", "The customers as a map"),
        *("How the features are spread", "Why these segments", "How well customers fit", "The data", "go together"),
    ):
        assert heading in said, heading
    assert page.tags.count("img") >= 8


def test_no_customer_is_named_in_either_file(proposal, tmp_path):
    for file in write(tmp_path, proposal.baseline, proposal.report):
        assert not re.search(r"customer-\d", file.read_text(encoding="utf-8"))


def test_the_figures_are_those_of_the_baseline(proposal, tmp_path):
    _, file = write(tmp_path, proposal.baseline, proposal.report)
    facts = json.loads(file.read_text(encoding="utf-8"))
    assert facts["baseline"] == proposal.baseline.model_dump(mode="json")
    assert facts["population"] == facts["fitted_on"] == 220
    assert sum(map(sum, facts["places"]["customers"])) == 220
    assert [each["customers"] for each in facts["profiles"]] == [each.customers for each in proposal.baseline.segments]
    assert facts["distributions"]["income"]["missing"] == 0
    income = customers()["profile_numbers"][:, 1].astype(np.float64)
    assert facts["overall"]["income"] == pytest.approx(income.mean())


def test_a_baseline_without_a_report_says_what_to_do(proposal, tmp_path):
    with pytest.raises(ReportMissing, match=r"baseline 2 has no report.*shoal rebaseline --report FOLDER"):
        write(tmp_path, proposal.baseline, None)
    assert list(tmp_path.iterdir()) == []
