"""Text from outside stays text in every chart, in a real browser: no link, no bold, the words as they were sent."""

import json

import pytest

from state.model.baselines import BaselineStore
from state.store import keys
from tests.api.conftest import PARTITIONS
from tests.api.pages.conftest import CHROMIUM
from tests.building import make_baseline

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed (Debian: apt install chromium)"),
]

LINK = '<a href="//x.y">Z</a>'
NAME = '<a href="//x.y">Gold</a> & <b>bold</b> &lt;'
MARKUP = (
    "[...document.querySelectorAll('.plot svg a, .plot svg tspan[style*=weight], .plot svg [*|href*=\"x.y\"]')].length"
)
TEXTS = "(id) => [...document.querySelectorAll(`[data-figure=${id}] svg text`)].map((each) => each.textContent)"


@pytest.fixture
def named(shop, page):
    """The segments page of a shop whose countries and segments have names with markup."""
    for partition in range(PARTITIONS):
        for customer in shop.redis.hkeys(keys.profiles(partition)):
            shop.redis.hset(keys.profiles(partition), customer, json.dumps({"country": LINK}))
    made = make_baseline(3, ids=[1, 2, 3])
    segments = [each.model_copy(update={"segment": f"{NAME} {each.segment_id}"}) for each in made.segments]
    BaselineStore(shop.redis).approve(made.model_copy(update={"segments": segments}))
    page.set_viewport_size({"width": 1440, "height": 1200})
    page.goto("http://127.0.0.1/segments")
    for plot in page.locator("[data-figure]").all():
        plot.locator(".main-svg").first.wait_for()
    return page


def test_names_of_countries_and_segments_are_text(named):
    figures = named.evaluate("[...document.querySelectorAll('[data-figure]')].map((each) => each.dataset.figure)")
    assert len(figures) >= 3
    shown = {each: named.evaluate(TEXTS, each) for each in figures}
    assert any(LINK in texts for texts in shown.values()), shown
    with_names = [each for each, texts in shown.items() if any(f"{NAME} s1" in text for text in texts)]
    assert len(with_names) >= 3, shown
    assert named.evaluate(MARKUP) == 0


def test_what_the_pointer_brings_up_is_text(named):
    named.locator(".plot .bars path, .plot .trace.bars .point").first.hover(force=True)
    label = named.locator(".hoverlayer text").first
    label.wait_for()
    assert LINK in label.text_content()
    assert NAME in label.text_content()
    assert named.evaluate(MARKUP) == 0
