"""The dashboard in a real browser, over the simulated shop that `make demo` runs live: what people see, and can do.

One demo runs for all tests. SHOAL_SCREENSHOTS=docs/screenshots keeps a picture of each page.
"""

import json
import os
import re
import shutil
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, StorageState, expect, sync_playwright

from cli.local.embedded import ChildProcess
from tests.end_to_end.test_command_line import FREE, answer, shoal
from tests.waiting import PATIENCE_S

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
PAGES = {
    "now": "/",
    "segments": "/segments",
    "customers": "/customers",
    "customer": "/customers/c0000004",
    "experiments": "/experiments",
    "experiment": "/experiments/free-shipping",
    "baselines": "/baselines",
    "baseline": "/baselines/2",
    "operations": "/operations",
}
LOOKS = [(scheme, width) for scheme in ("light", "dark") for width in (390, 1440)]
expect.set_options(timeout=PATIENCE_S * 1_000)

EVIL = '<img src=x onerror="document.title=1">'

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed (Debian: apt install chromium)"),
]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder in which the demo runs: live, a baseline decided on and another one proposed."""
    place = tmp_path_factory.mktemp("dashboard")
    program = f"import os; os.chdir({str(place)!r}); from cli.main import main; main()"
    command = [
        sys.executable,
        "-P",
        "-c",
        program,
        "demo",
        "--source",
        "shop",
        "--seconds",
        "900",
        "--customers",
        "900",
    ]
    child = ChildProcess("shoal demo", command, log=place / "demo.log", env=FREE)
    child.spawn()
    try:
        child.wait_until(lambda: "is live for 900 seconds" in (place / "demo.log").read_text(), PATIENCE_S)
        publish(place, "evil", EVIL)
        child.wait_until(lambda: len(answer(place, "baselines", "list")["baselines"]) == 2, PATIENCE_S)
        yield place
    finally:
        child.stop(40)


def publish(place: Path, order_id: str, *customer_ids: str) -> None:
    """Publish an order of the shop's earlier days for each customer."""
    at = datetime.now(UTC) - timedelta(days=500)
    with (place / "order.jsonl").open("w") as file:
        for number, customer_id in enumerate(customer_ids):
            name = f"{order_id}-{number}"
            order = {
                "event_id": name, "order_id": name, "customer_id": customer_id, "occurred_at": at.isoformat(),
                "amount": 900, "currency": "EUR",
            }  # fmt: skip
            print(json.dumps(order), file=file)
    ran = shoal(place, "publish", "orders", "order.jsonl")
    assert ran.returncode == 0, ran.stderr


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def session(browser: Browser, shop: Path) -> StorageState:
    """What a browser keeps that has signed in by a one-time link."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(re.findall(r"http\S+/sign-in\S+", (shop / "demo.log").read_text())[0])
    page.get_by_role("button", name="Sign in as").click()
    expect(page.locator("h1")).to_have_text("Now")
    state = context.storage_state()
    context.close()
    return state


@pytest.fixture
def page(browser: Browser, shop: Path, session: StorageState) -> Iterator[Page]:
    """A page that is signed in, and fails on any error that the browser reports."""
    wrong: list[str] = []
    context = browser.new_context(storage_state=session)
    page = context.new_page()
    page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    address = json.loads((shop / ".shoal" / "local.json").read_text())["api"]
    page.on("request", lambda asked: None if asked.url.startswith((address, "data:")) else wrong.append(asked.url))
    page.goto(address + "/")
    page.set_default_timeout(PATIENCE_S * 1_000)
    yield page
    context.close()
    assert wrong == []


def go(page: Page, path: str) -> None:
    page.goto(re.match(r"https?://[^/]+", page.url)[0] + path)


def shown(page: Page, name: str) -> None:
    """Go to a page and wait for what it draws or asks for later."""
    go(page, PAGES[name])
    later = {"now": "#feed tr", "customer": "ol.timeline li"}
    expect(page.locator(later.get(name, "h1")).first).to_be_visible()
    if name == "now":
        expect(page.locator(".figures .big").first).not_to_have_text("–")  # after some seconds of looking
    for plot in page.locator(".plot").all():
        expect(plot.locator(".main-svg").first).to_be_visible()


@pytest.mark.parametrize("name", PAGES)
def test_pages_fit_and_everybody_can_use_them(page, name):
    for scheme, width in LOOKS:
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        page.set_viewport_size({"width": width, "height": 900})
        shown(page, name)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, (scheme, width, "scrolls sideways")
        found = [each for each in Axe().run(page).response["violations"] if each["impact"] in {"serious", "critical"}]
        assert [(each["id"], each["nodes"][0]["html"]) for each in found] == [], (scheme, width)
        folder = os.environ.get("SHOAL_SCREENSHOTS")
        if folder and (scheme == "light" or name in {"now", "segments", "experiment"}):
            look = "" if scheme == "light" else "-dark"
            page.screenshot(path=Path(folder) / f"{name}-{width}{look}.png", full_page=True)


def test_a_word_that_is_longer_than_a_phone_is_wide_breaks(page):
    """A problem names hosts, topics and files, which may have no place to break."""
    page.set_viewport_size({"width": 390, "height": 900})
    shown(page, "operations")
    page.evaluate(
        """word => {
        for (const kind of ["notice", "fine", "lead", "quiet"]) {
            const said = Object.assign(document.createElement("p"), {className: kind, textContent: "worker " + word});
            document.querySelector("main").prepend(said);
        }
        document.querySelector(".figures .big").textContent = word;
    }""",
        "ip-10-0-0-1.eu-central-1.compute.internal-" * 4,
    )
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_a_newcomer_sees_which_segment_grows(page):
    shown(page, "segments")
    lead = page.locator("main > .lead")
    expect(lead).to_contain_text(re.compile(r"is growing fastest: [\d,]+ more customers\s+than 30 days ago"))
    grows = lead.locator("strong").inner_text()
    row = page.locator("table tbody tr", has=page.get_by_role("link", name=grows, exact=True)).first
    expect(row.locator("td").nth(2)).to_have_text(re.compile(r"^\+"))
    expect(page.locator(".plays li")).to_have_count(page.locator("#sizes + .scroll tbody tr").count())


def test_a_newcomer_sees_why_a_customer_moved(page):
    shown(page, "customer")
    moves = page.locator("ol.timeline li.segment")
    expect(moves.first).to_be_visible()
    expect(moves.last).to_contain_text("First segment")
    expect(page.locator("ol.timeline .because").first).to_have_text(re.compile(r"^(by|because).+: .+"))
    expect(page.locator("ol.timeline li.order").first).to_have_text(re.compile(r"Order of \d"))
    expect(page.locator("ol.timeline li.session").first).to_have_text(re.compile(r"Web session: \d+ pages?, "))


def test_the_experiment_says_whether_to_ship_and_goes_on_while_one_looks(page):
    shown(page, "experiment")
    expect(page.locator("#verdict")).to_have_text(re.compile("Verdict: (ship|keep running)"))
    cells = page.locator("section[aria-labelledby=arms] tbody td:nth-child(2)")
    before = cells.all_inner_texts()
    page.wait_for_function(
        "before => [...document.querySelectorAll('section[aria-labelledby=arms] tbody td:nth-child(2)')]"
        ".map(cell => cell.innerText).join() !== before",
        arg=",".join(before),
    )
    assert sum(int(text.replace(",", "")) for text in cells.all_inner_texts()) > sum(
        int(text.replace(",", "")) for text in before
    )
    band = page.locator("section[aria-labelledby=over-time] .plot .js-fill")
    expect(band.first).to_be_attached()


def test_the_keyboard_alone_leads_to_a_customer(page):
    go(page, "/customers")
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.locator("#q")).to_be_focused()
    page.keyboard.type("c0000004")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("c0000004")
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
    publish(shop, f"n{datetime.now(UTC).timestamp()}", "just-now")
    expect(page.get_by_role("link", name="just-now").first).to_be_visible()
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_role("button", name="Go on")).to_have_attribute("aria-pressed", "true")


def test_approving_a_baseline_moves_customers(page, shop):
    proposed = answer(shop, "rebaseline", "--k", "4")[
        "baseline"
    ]  # the first proposal may be what is live, and move nobody
    go(page, f"/baselines/{proposed}")
    expect(page.locator("section[aria-labelledby=compared] thead")).to_contain_text("Live: baseline 1")
    page.get_by_label("Reason, for those who look later").fill("the newer one fits better")
    page.get_by_role("button", name="Approve and put live").click()
    expect(page.locator("h1")).to_contain_text("live")
    expect(page.locator("main")).to_contain_text("the newer one fits better")
    go(page, "/")
    expect(page.locator("#now")).to_contain_text(f"Baseline {proposed}.")
    expect(page.locator("#feed")).to_contain_text("baseline: ")
    assert "baseline" in {each["cause"] for each in answer(shop, "segments", "--flows", "--since", "2d")["flows"]}


def test_a_segment_may_be_called_anything(page, shop):
    live = [each["baseline"] for each in answer(shop, "baselines", "list")["baselines"] if each["status"] == "approved"]
    go(page, f"/baselines/{live[0]}")
    page.locator("form.rename input[name=name]").first.fill(EVIL)
    page.locator("form.rename button").first.click()
    expect(page.locator("tbody th", has_text=EVIL).first).to_be_visible()
    shown(page, "segments")
    expect(page.locator("main")).to_contain_text(EVIL)
    assert page.locator("main img").count() == 0
    assert page.title() == "Segments – Shoal"


def test_a_trigger_calls_its_webhook_meanwhile(page):
    go(page, "/operations")
    expect(page.locator("section[aria-labelledby=triggers] tbody th")).to_have_text("winback")
    delivered = page.locator("section[aria-labelledby=deliveries] tbody tr", has_text="delivered")
    expect(delivered.first).to_contain_text("winback")
    expect(delivered.first.locator("td.number")).to_have_text("204")


def test_the_count_of_customers_follows_the_events(page, shop):
    go(page, "/")
    customers = page.locator("#now .figures li", has_text=re.compile("customers$")).locator(".big")
    expect(customers).to_have_text(re.compile(r"^[\d,]+$"))
    before = int(customers.inner_text().replace(",", ""))
    publish(shop, "crowd", *(f"crowd-{number}" for number in range(40)))  # far more than join by themselves
    page.wait_for_function(
        "wanted => [...document.querySelectorAll('#now .figures li')]"
        ".some(each => /customers$/.test(each.innerText)"
        " && Number(each.querySelector('.big').innerText.replaceAll(',', '')) >= wanted)",
        arg=before + 40,
    )


def test_signing_out_ends_it(page):
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_label("API key")).to_be_visible()
    go(page, "/customers")
    expect(page).to_have_url(re.compile("/sign-in$"))
