"""The picture, the import rule and the settings page say what the code does."""

import itertools
import re
import tomllib
from pathlib import Path

import pytest

from cli.settings_page import settings_page

ROOT = Path(__file__).parent.parent


def test_the_architecture_page_and_the_import_rule_name_the_same_order():
    page = (ROOT / "docs/architecture.md").read_text()
    (line,) = re.findall(r"^`events` ← .*$", page, re.MULTILINE)
    shown = re.findall(r"`(\w+)`", line)
    (contract,) = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    assert shown == [layer.strip("()") for layer in reversed(contract["layers"]) if not layer.startswith("(")]
    assert all((ROOT / folder / "__init__.py").exists() for folder in shown)


def test_the_settings_page_is_the_generated_one():
    assert (ROOT / "docs/settings.md").read_text() == settings_page(), "run `make docs`"


def test_every_dependency_has_a_reason():
    reasons = (ROOT / "docs/dependencies.md").read_text()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *itertools.chain(*project["optional-dependencies"].values())]
    names = [re.match(r"[\w-]+", each)[0] for each in wanted]
    assert [name for name in names if name not in reasons and not name.startswith("types-")] == []


@pytest.mark.parametrize("page", ["README.md", *(str(p.relative_to(ROOT)) for p in ROOT.glob("docs/**/*.md"))])
def test_links_in_the_documentation_lead_somewhere(page):
    text = (ROOT / page).read_text()
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", text):
        assert (ROOT / page).parent.joinpath(target).exists(), target
