"""The dashboard in a real browser, over `shoal up` with a purchase log imported: what people see, and can reach.

SHOAL_SCREENSHOTS=docs/screenshots keeps a picture of each page.
"""

import json
import os
import re
import shutil
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect, sync_playwright

from cli.formats.cdnow import sample_path

from .test_command_line import answer, shoal, started_up

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
PAGES = ("/", "/segments", "/customers", "/customers/00004", "/operations")
WIDTHS = (390, 1440)
EVIL = '<img src=x onerror="document.title=1">'

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed (Debian: apt install chromium)")


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder in which `shoal up` runs, with the sample imported and a baseline live."""
    place = tmp_path_factory.mktemp("dashboard")
    child = started_up(place, SHOAL_CLOCK="event")
    try:
        answer(place, "import", "cdnow", str(sample_path()))
        publish(place, "evil", EVIL, "1998-06-30T10:00:00Z")
        answer(place, "wait", "--timeout", "90")
        deadline = time.monotonic() + 60
        while answer(place, "segments")["baseline"] < 1:
            assert time.monotonic() < deadline, "no baseline"
        yield place
    finally:
        child.stop(40)


def publish(place: Path, order_id: str, customer_id: str, at: str, amount: float = 900.0) -> None:
    order = {
        "event_id": order_id, "order_id": order_id, "customer_id": customer_id, "occurred_at": at,
        "amount": amount, "currency": "USD",
    }  # fmt: skip
    (place / "order.jsonl").write_text(json.dumps(order) + "\n")
    ran = shoal(place, "publish", "orders", "order.jsonl")
    assert ran.returncode == 0, ran.stderr


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser, shop: Path) -> Iterator[Page]:
    """A page that is signed in by a one-time link, and fails on any error that the browser reports."""
    wrong: list[str] = []
    context = browser.new_context()
    page = context.new_page()
    page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    address = json.loads((shop / ".shoal" / "local.json").read_text())["api"]
    page.on("request", lambda asked: None if asked.url.startswith((address, "data:")) else wrong.append(asked.url))
    page.goto(answer(shop, "keys", "sign-in", answer(shop, "keys", "list")[0]["id"])["link"])
    page.set_default_timeout(15_000)
    yield page
    context.close()
    assert wrong == []


def go(page: Page, path: str) -> None:
    page.goto(re.match(r"https?://[^/]+", page.url)[0] + path)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_fit_and_everybody_can_use_them(page, path, width, scheme):
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    page.set_viewport_size({"width": width, "height": 900})
    go(page, path)
    if path == "/segments":
        expect(page.locator(".plot .main-svg").first).to_be_visible()
    if path == "/":
        expect(page.locator("#feed tr").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width, "the page scrolls sideways"
    found = Axe().run(page).response["violations"]
    assert [(each["id"], each["nodes"][0]["html"]) for each in found if each["impact"] in {"serious", "critical"}] == []
    folder = os.environ.get("SHOAL_SCREENSHOTS")
    if folder and (scheme == "light" or path == "/"):
        name = {"/": "now", "/customers/00004": "customer"}.get(path, path.strip("/"))
        look = "" if scheme == "light" else "-dark"
        page.screenshot(path=Path(folder) / f"{name}-{width}{look}.png", full_page=True)


def test_the_keyboard_alone_leads_to_a_customer(page):
    go(page, "/customers")
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.locator("#q")).to_be_focused()
    page.keyboard.type("00004")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("00004")
    expect(page.locator("#why + p")).to_contain_text("nearest of")


def test_a_name_with_a_script_in_it_is_shown_as_text(page):
    go(page, "/customers?q=%3Cimg")
    page.get_by_role("link", name=EVIL).click()
    expect(page.locator("h1")).to_have_text(EVIL)
    assert page.title() == f"Customer {EVIL} – Shoal"
    go(page, "/")
    expect(page.locator("#feed")).to_contain_text("→")
    assert page.locator("#feed img").count() == 0


def test_a_change_appears_while_one_looks(page, shop):
    go(page, "/")
    expect(page.locator("#feed tr").first).to_be_visible()
    assert page.get_by_role("link", name="just-now").count() == 0
    publish(shop, f"n{datetime.now(UTC).timestamp()}", "just-now", "1998-06-30T11:00:00Z")
    expect(page.get_by_role("link", name="just-now").first).to_be_visible()
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_role("button", name="Go on")).to_have_attribute("aria-pressed", "true")


def test_the_figures_follow_the_events(page, shop):
    go(page, "/")
    customers = page.locator(".figures li", has_text="customers").locator(".big")
    before = customers.inner_text()
    publish(shop, "another", "another", "1998-06-30T11:00:00Z")
    expect(customers).not_to_have_text(before)  # by more than one, where an earlier test's customer comes in late
    assert int(customers.inner_text().replace(",", "")) > int(before.replace(",", ""))


def test_signing_out_ends_it(page):
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_label("API key")).to_be_visible()
    go(page, "/customers")
    expect(page).to_have_url(re.compile("/sign-in$"))
