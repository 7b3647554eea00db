"""Both distributions are built, and installed where nothing of the repository is."""

import os
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PACKAGES = [name for name in PROJECT["tool"]["setuptools"]["packages"]["find"]["include"] if "." not in name]
COMPILED_FROM = (".pyx", ".pxd")
NOT_SOURCES = shutil.ignore_patterns(".*", "__pycache__", "*.so", "*.c", "*.egg-info", "build", "dist")
LEFT_OUT = ("bench", "deploy", "docs", "tests")
PATHS = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")
ELSEWHERE = {name: value for name, value in os.environ.items() if not name.startswith("SHOAL_") and name not in PATHS}

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1_800)]


def run(*command: str | Path, cwd: Path, **environment: str) -> str:
    done = subprocess.run(command, cwd=cwd, env=ELSEWHERE | environment, capture_output=True, text=True)
    assert done.returncode == 0, f"{command}\n{done.stdout[-5_000:]}\n{done.stderr[-5_000:]}"
    return done.stdout


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what a release is built from."""
    place = tmp_path_factory.mktemp("sources") / "shoal"
    shutil.copytree(ROOT, place, ignore=NOT_SOURCES)
    for folder in LEFT_OUT:
        shutil.rmtree(place / folder)
    return place


@pytest.fixture(scope="module")
def built(sources: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of both distributions; each wheel is built from its source distribution."""
    place = tmp_path_factory.mktemp("dist")
    for project in (sources, sources / "clients" / "python"):
        run(sys.executable, "-m", "build", "--outdir", place, project, cwd=place, CFLAGS="-O0")
    return place


@pytest.fixture(scope="module")
def wheel(built: Path) -> set[str]:
    """The files in Shoal's wheel, without its metadata."""
    (path,) = built.glob("shoal-*.whl")
    with zipfile.ZipFile(path) as file:
        return {name for name in file.namelist() if ".dist-info/" not in name}


@pytest.fixture(scope="module")
def packaged(sources: Path) -> set[str]:
    """The files of our packages."""
    return {
        str(path.relative_to(sources))
        for package in PACKAGES
        for path in (sources / package).rglob("*")
        if path.is_file() and path.suffix not in (".c", ".so")
    }


def test_every_package_of_ours_says_that_it_is_typed():
    assert sorted(PACKAGES) == sorted(path.parent.name for path in ROOT.glob("*/py.typed"))


def test_wheel_holds_the_packages_and_nothing_else(wheel: set[str], packaged: set[str]):
    assert {name for name in wheel if not name.endswith(".so")} == {
        name for name in packaged if not name.endswith(COMPILED_FROM)
    }


@pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler")
def test_wheel_holds_the_compiled_modules(wheel: set[str], packaged: set[str]):
    compiled = {name.partition(".")[0] for name in wheel if name.endswith(".so")}
    assert compiled == {name.removesuffix(".pyx") for name in packaged if name.endswith(".pyx")}


def test_source_distribution_holds_all_that_it_is_built_from(built: Path, packaged: set[str]):
    (path,) = built.glob("shoal-*.tar.gz")
    with tarfile.open(path) as file:
        names = {member.name.partition("/")[2] for member in file.getmembers() if member.isfile()}
    made = {"PKG-INFO", "setup.cfg"}
    assert {name for name in names - made if ".egg-info/" not in name} == packaged | {
        "LICENSE", "MANIFEST.in", "README.md", "pyproject.toml", "setup.py"
    }  # fmt: skip


def test_client_wheel_holds_the_client(built: Path, sources: Path):
    (path,) = built.glob("shoal_client-*.whl")
    with zipfile.ZipFile(path) as file:
        names = {name for name in file.namelist() if ".dist-info/" not in name}
    assert names == {f"shoal_client/{each.name}" for each in (sources / "clients/python/shoal_client").iterdir()}


@pytest.mark.long
def test_installed_elsewhere_it_runs_the_demo(built: Path, tmp_path: Path):
    run(sys.executable, "-m", "venv", tmp_path / "environment", cwd=tmp_path)
    programs = tmp_path / "environment" / "bin"
    (client,), (shoal,) = built.glob("shoal_client-*.whl"), built.glob("shoal-*.whl")
    install = (programs / "python", "-m", "pip", "install", "-q", "--no-compile", "-c", ROOT / "constraints.txt")
    run(*install, client, f"{shoal}[embedded]", cwd=tmp_path)
    where = run(programs / "python", "-c", "import cli; print(cli.__file__)", cwd=tmp_path)
    assert Path(where.strip()).is_relative_to(tmp_path / "environment")
    assert run(programs / "shoal", "--version", cwd=tmp_path) == f"shoal {PROJECT['project']['version']}\n"
    shown = run(programs / "shoal", "demo", "--exit", cwd=tmp_path)
    assert "The change log, folded, gives the segment that Redis holds for 2,357 of 2,357 customers" in shown
