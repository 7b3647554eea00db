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
    (contract,) = (each for each in _contracts() if each["type"] == "layers")
    assert shown == [layer.strip("()") for layer in reversed(contract["layers"]) if not layer.startswith("(")]
    assert all((ROOT / folder / "__init__.py").exists() for folder in shown)


def test_the_architecture_page_and_the_import_rules_agree_on_the_simulated_shop():
    page = (ROOT / "docs/architecture.md").read_text()
    (knows, users) = re.findall(r"^`simulation` imports (.*), and only (.*) import it\.$", page, re.MULTILINE)[0]
    folders = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["root_packages"]
    known, used_by = re.findall(r"`(\w+)`", knows), re.findall(r"`(\w+)`", users)
    rules = {
        (source, target)
        for each in _contracts()
        if each["type"] == "forbidden"
        for source in each["source_modules"]
        for target in each["forbidden_modules"]
    }
    others = set(folders) - {"simulation"}
    assert {target for source, target in rules if source == "simulation"} == others - set(known)
    assert {source for source, target in rules if target == "simulation"} == others - set(used_by)


def _contracts():
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]


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
