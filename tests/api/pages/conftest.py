"""A real browser whose requests the application in this process answers."""

import shutil
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import sync_playwright

from api.access.scopes import Scope
from state.model.baselines import BaselineStore
from tests.api.conftest import EVIL
from tests.api.endpoints.test_experiments import BANNER
from tests.api.pages.test_customer_timeline import unreachable
from tests.api.pages.test_operations import Letters
from tests.api.pages.test_pages import signed_in
from tests.building import make_baseline

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
STATUS = {
    "customers": 123, "baseline": 1, "model_version": 4, "events": {"orders:applied": 6_919}, "events_behind": 12,
    "changes_unsent": 0, "partitions": 4, "partitions_without_worker": [], "problems": ["no worker is alive"],
    "workers": [{"worker": "w-1", "seconds_ago": 0.4, "partitions": [0, 1, 2, 3], "events": 6_919, "leader": True}],
    "tallies_behind": None, "partitions_behind": [0, 12, 0, 0],
    "experiments": {"declared": 1, "consumers": []},
    "triggers": {"declared": 1, "services": [], "waiting": 3, "dead": 1},
}  # fmt: skip


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def page(shop, browser, monkeypatch):
    """A page whose requests this process answers, signed in; an error that the browser reports fails the test."""
    monkeypatch.setattr(
        "api.pages.customer_timeline.changes_of_customer", unreachable
    )  # which it is, after two seconds
    store = BaselineStore(shop.redis)
    store.approve(make_baseline(1, ids=[1, 2, 3]))
    store.propose(make_baseline(2, ids=[1, 2, 3]).model_copy(update={"status": "proposed", "follows": 1}))
    shop.redis.set("baseline:last", 2)
    shop.post("/v1/experiments", BANNER, Scope.EXPERIMENTS_WRITE)
    services = shop.client.app.state.services.__dict__
    services["status"], services["letters"] = lambda: STATUS, Letters(EVIL)
    shop.post("/v1/triggers", {"trigger": "winback", "url": "https://crm.example/hook", "entered": [EVIL]})
    shop.post("/v1/suppressions:add", {"scope": "campaign:winback", "customer_ids": [EVIL]})
    signed_in(shop)
    wrong, context = [], browser.new_context()
    page = context.new_page()

    def answer(route):
        address = urlsplit(route.request.url)
        if address.path == "/feed":
            route.fulfill(status=200, content_type="text/event-stream", body=": nothing new\n\n")
            return
        wanted = address.path + (f"?{address.query}" if address.query else "")
        found = shop.client.request(route.request.method, wanted, headers={"Accept": "text/html"})
        route.fulfill(status=found.status_code, headers=dict(found.headers), body=found.content)

    context.route("**/*", answer)
    page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    yield page
    context.close()
    assert wrong == []
