"""The picture, the import rule and the settings page say what the code does."""

import ast
import itertools
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from cli.printing.settings_page import settings_page
from stream.customers.features import FEATURES

ROOT = Path(__file__).parent.parent
CODE = (
    *("events", "state", "consumers", "stream", "batch", "queries", "api", "cli", "experiments", "simulation", "bench"),
    *("clients", "tests"),
)
PATHS = f"{ROOT}{os.pathsep}{ROOT / 'clients/python'}"


def import_contracts() -> list[dict]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]


def test_the_architecture_page_and_the_import_rule_name_the_same_order():
    page = (ROOT / "docs/architecture.md").read_text()
    (line,) = re.findall(r"^`events` ← .*$", page, re.MULTILINE)
    shown = re.findall(r"`(\w+)`", line)
    (contract,) = [each for each in import_contracts() if each["type"] == "layers" and "containers" not in each]
    assert shown == list(reversed(contract["layers"]))
    assert all((ROOT / folder / "__init__.py").exists() for folder in shown)


def test_the_architecture_page_and_the_import_rules_agree_on_the_simulated_shop():
    page = (ROOT / "docs/architecture.md").read_text()
    (knows, users) = re.findall(r"^`simulation` imports (.*), and only (.*) import it\.$", page, re.MULTILINE)[0]
    folders = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["root_packages"]
    known, used_by = re.findall(r"`(\w+)`", knows), re.findall(r"`(\w+)`", users)
    rules = {
        (source, target)
        for each in import_contracts()
        if each["type"] == "forbidden"
        for source in each["source_modules"]
        for target in each["forbidden_modules"]
    }
    others = set(folders) - {"simulation", "shoal_client"}
    assert {target for source, target in rules if source == "simulation"} == others - set(known)
    assert {source for source, target in rules if target == "simulation"} - {"shoal_client"} == others - set(used_by)


def test_the_architecture_page_and_the_import_rule_agree_on_who_reads_the_experiments():
    page = (ROOT / "docs/architecture.md").read_text()
    (line,) = re.findall(r"^`experiments` ← .*$", page, re.MULTILINE)
    shown = set(re.findall(r"`(\w+)`", line)) - {"experiments"}
    forbidden = [each for each in import_contracts() if each["type"] == "forbidden"]
    (purity,) = [each for each in forbidden if each["source_modules"] == ["experiments"]]
    (readers,) = [each for each in forbidden if each["forbidden_modules"] == ["experiments"]]
    layers = {layer for each in import_contracts() if "containers" not in each for layer in each.get("layers", [])}
    assert shown == layers - set(readers["source_modules"])
    # The base error of `events` is the one thing of ours that may enter; what is not built yet cannot be named.
    assert set(purity["forbidden_modules"]) - {"bench"} == {x for x in layers if (ROOT / x).exists()} - {"events"}


def test_the_experiments_import_no_kafka_and_no_redis():
    loaded = subprocess.run(
        [sys.executable, "-c", "import sys, experiments.reporting.report; print(*sorted(sys.modules))"],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": PATHS}, capture_output=True, text=True, check=True,
    ).stdout.split()  # fmt: skip
    assert "experiments.reporting.verdict" in loaded
    strangers = {"kafka", "confluent_kafka", "aiokafka", "faust", "redis", "events", "state", "consumers"}
    assert strangers & set(loaded) == set()


def test_naming_a_tally_or_an_assignment_does_not_load_the_statistics():
    loaded = subprocess.run(
        [sys.executable, "-c", "import sys, experiments; print(*sorted(sys.modules))"],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": PATHS}, capture_output=True, text=True, check=True,
    ).stdout.split()  # fmt: skip
    assert "experiments.tally" in loaded
    assert {"scipy", "statsmodels", "pandas"} & set(loaded) == set()


def test_a_worker_does_not_load_what_only_batch_work_needs():
    program = (
        "import sys, stream.faust_worker_app; from stream.model.drift_detection import DriftDetector; "
        "DriftDetector(['s1'], ['recency']); "
        "print(*sorted(sys.modules))"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": PATHS}, capture_output=True, text=True, check=True,
    ).stdout.split()  # fmt: skip
    assert "stream.moves.handler" in loaded
    assert {"sklearn", "scipy.stats"} & set(loaded) == set()


def test_reading_by_the_client_loads_nothing_of_shoal_and_no_kafka():
    loaded = subprocess.run(
        [sys.executable, "-c", "import sys, shoal_client; shoal_client.Shoal; print(*sorted(sys.modules))"],
        cwd=ROOT / "clients", env={**os.environ, "PYTHONPATH": PATHS}, capture_output=True, text=True, check=True,
    ).stdout.split()  # fmt: skip
    assert "shoal_client.api" in loaded
    strangers = {"kafka", "confluent_kafka", "redis", "pydantic", "numpy", "events", "state", "api", "cli"}
    assert strangers & set(loaded) == set()


def test_the_settings_page_is_the_generated_one():
    assert (ROOT / "docs/settings.md").read_text() == settings_page(), "run `make docs`"


def test_every_dependency_has_a_reason():
    reasons = (ROOT / "docs/dependencies.md").read_text()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *itertools.chain(*project["optional-dependencies"].values())]
    names = [re.match(r"[\w-]+", each)[0] for each in wanted]
    assert [name for name in names if name not in reasons and not name.startswith("types-")] == []


def test_the_architecture_page_lists_every_room_in_the_order_of_the_import_rule():
    page = (ROOT / "docs/architecture.md").read_text()
    rows = re.findall(r"^\| (?:\*\*)?`([\w/]+)/`(?:\*\*)? \|.*\| `([\w/]+\.py)` \|$", page, re.MULTILINE)
    assert [f"{room}/{module}" for room, module in rows if not (ROOT / room / module).exists()] == []
    for contract in [each for each in import_contracts() if each.get("containers", ["bench"]) != ["bench"]]:
        (folder,) = contract["containers"]
        ranks = {
            name: rank for rank, layer in enumerate(reversed(contract["layers"])) for name in layer.split(" | ")
        }  # fmt: skip
        shown = [room.removeprefix(f"{folder}/") for room, _ in rows if room.startswith(f"{folder}/")]
        rooms = {path.parent.name for path in (ROOT / folder).glob("*/__init__.py")}
        assert sorted(shown) == sorted(rooms), folder
        assert [ranks[room] for room in shown] == sorted(ranks[room] for room in shown), folder


def test_an_amount_is_followed_in_at_most_eight_files_that_exist_with_the_functions_named():
    page = (ROOT / "docs/architecture.md").read_text()
    section = page.split("## Follow an amount through the code")[1].split("##")[0]
    steps = re.findall(r"^\d+\. `([\w/]+\.py)`, `(?:(\w+)\.)?(\w+)`", section, re.MULTILINE)
    assert len(steps) == len(re.findall(r"^\d+\.", section, re.MULTILINE))
    assert len({file for file, _, _ in steps}) <= 8
    assert steps[0][0].startswith("consumers/inputs/")
    for file, owner, function in steps:
        body: ast.Module | ast.ClassDef = ast.parse((ROOT / file).read_text())
        if owner:
            (body,) = [each for each in body.body if isinstance(each, ast.ClassDef) and each.name == owner]
        assert function in {each.name for each in body.body if isinstance(each, ast.FunctionDef)}, (file, function)


def test_a_recipe_has_at_most_ten_steps_and_names_what_there_is():
    recipes = (ROOT / "CONTRIBUTING.md").read_text().split("## How to extend Shoal")[1].split("\n## ")[0]
    titles = re.findall(r"^### (.*)$", recipes, re.MULTILINE)
    assert titles == [
        *("A setting", "A feature", "An API endpoint", "An experiment metric", "An import format", "An input topic"),
    ]
    assert all(len(re.findall(r"^\d+\.", part, re.MULTILINE)) <= 10 for part in recipes.split("\n### ")[1:])
    for name, file in re.findall(r"`(\w+)`[^`]{0,10} in\s+`([\w/]+\.py)`", recipes):
        assert re.search(rf"\b{name}\b", (ROOT / file).read_text()), (name, file)
    for call, function, file in re.findall(r"call of `(\w+)` in `(\w+)` in\s+`([\w/]+\.py)`", recipes):
        body = (ROOT / file).read_text().partition(f"def {function}(")[2].partition("\ndef ")[0]
        assert f"{call}(" in body, (call, function, file)
    code = "".join(path.read_text() for folder in CODE for path in (ROOT / folder).rglob("*.py"))
    named = set(re.findall(r"`(_?[A-Za-z]\w*)[`(]", recipes)) - {"_s", "_ms", "_days", "_mb"}
    assert [name for name in sorted(named) if not re.search(rf"\b{name}\b", code)] == []


def test_the_invariants_are_in_order_and_have_their_tests():
    table = (ROOT / "docs/architecture.md").read_text().split("## Invariants")[1].split("\n## ")[0]
    numbers = [int(number) for number in re.findall(r"^\| (\d+) ", table, re.MULTILINE)]
    assert numbers == list(range(1, 19))
    files = {int(path.name[5:7]) for path in (ROOT / "tests/invariants").glob("test_*.py")}
    named = {int(number) for number in re.findall(r"tests/invariants/test_(\d+)…", table)}
    assert files == named


def test_every_room_says_what_it_does_what_may_enter_and_where_to_begin():
    packages = [folder for folder in CODE if folder not in {"bench", "clients", "tests"}]
    for init in sorted(path for folder in packages for path in (ROOT / folder).rglob("__init__.py")):
        text = ast.get_docstring(ast.parse(init.read_text())) or ""
        what, _, rest = text.partition("\n\n")
        begins = re.findall(r"Begin reading at\s+`([\w.]+)`", rest)
        assert what, init
        assert len(begins) == 1, (init, text)
        assert rest.partition("Begin reading")[0].strip(), (init, "says nothing of what may enter")
        begin = init.parent / begins[0].replace(".", "/")
        assert begin.with_suffix(".py").exists() or begin.with_suffix(".pyx").exists(), (init, begins)


def test_every_feature_is_described():
    table = (ROOT / "docs/baselines.md").read_text().split("## Features")[1].split("##")[0]
    assert re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE) == list(FEATURES)


PAGES = [
    "README.md",
    "CONTRIBUTING.md",
    "deploy/README.md",
    "clients/python/README.md",
    "bench/peers/README.md",
    *(str(path.relative_to(ROOT)) for path in ROOT.glob("docs/**/*.md")),
]


@pytest.mark.parametrize("page", PAGES)
def test_links_in_the_documentation_lead_somewhere(page):
    text = (ROOT / page).read_text()
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", text):
        assert (ROOT / page).parent.joinpath(target).exists(), target


@pytest.mark.parametrize("page", PAGES)
def test_files_named_in_the_documentation_exist(page):
    code = re.findall(r"`([\w.-]+(?:/[\w.-]+)+\.(?:py|pyx|md|yaml|yml|toml))`", (ROOT / page).read_text())
    bases = [ROOT, (ROOT / page).parent, *(path.parent for path in ROOT.glob("*/__init__.py"))]
    assert [file for file in code if not any((base / file).exists() for base in bases)] == []
