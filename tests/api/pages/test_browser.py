"""Every page in a real browser at phone and desktop width, light and dark: nothing scrolls sideways, axe finds nothing.

The pages come from the application in this process. SHOAL_SCREENSHOTS=docs/screenshots keeps a picture of each.
"""

import os
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.api.pages.conftest import CHROMIUM

PAGES = ("/segments", "/customers", "/customers/c001", "/experiments", "/experiments/banner", "/baselines",
         "/baselines/2", "/operations", "/operations/dead-letters", "/")  # fmt: skip

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed (Debian: apt install chromium)"),
]


@pytest.mark.parametrize("path", PAGES)
def test_pages_fit_and_everybody_can_use_them(page, path):
    for scheme in ("light", "dark"):
        for width in (390, 1440):
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            page.set_viewport_size({"width": width, "height": 900})
            page.goto(f"http://127.0.0.1{path}")
            if path == "/segments":
                page.locator(".plot .main-svg").first.wait_for()
            if path == "/operations":
                page.get_by_role("button", name="Replay orders/0/7").wait_for()
            assert page.evaluate("document.documentElement.scrollWidth") <= width, (scheme, width)
            found = Axe().run(page).response["violations"]
            serious = [each for each in found if each["impact"] in {"serious", "critical"}]
            assert [(each["id"], each["nodes"][0]["html"]) for each in serious] == [], (scheme, width)
            folder = os.environ.get("SHOAL_SCREENSHOTS")
            if folder and scheme == "light":
                name = path.strip("/").replace("/", "-") or "now"
                page.screenshot(path=Path(folder) / f"page-{name}-{width}.png", full_page=True)
