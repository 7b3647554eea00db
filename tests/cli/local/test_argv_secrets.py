"""A secret that is given as an argument does not stay in the process list."""

import os
import sys
from pathlib import Path

import pytest

from cli.local.argv_secrets import without_secrets
from cli.local.embedded import ChildProcess
from tests.waiting import PATIENCE_S, until

SECRET = "redis://shoal:marked-secret@127.0.0.1:1/0"  # noqa: S105 - of a test
PROGRAM = """
import os, sys, time
from cli.local.argv_secrets import hide_secret_arguments
hide_secret_arguments()
print(sys.argv[1:], os.environ["SHOAL_REDIS"], os.environ["SHOAL_TRIGGER_SECRET"], flush=True)
time.sleep(600)
"""


@pytest.mark.parametrize(
    ("arguments", "left", "taken"),
    [
        (["--redis=" + SECRET, "--json"], ["--json"], {"SHOAL_REDIS": SECRET}),
        (["--redis", "redis://h/0?password=s"], [], {"SHOAL_REDIS": "redis://h/0?password=s"}),
        (["--redis", "redis://h:1/0"], ["--redis", "redis://h:1/0"], {}),
        (["add", "n", "--secret", "whsec_x"], ["add", "n"], {"SHOAL_TRIGGER_SECRET": "whsec_x"}),
        (["--", "--redis", SECRET], ["--", "--redis", SECRET], {}),
        (["health", "--redis"], ["health", "--redis"], {}),
    ],
)
def test_what_is_taken_out(arguments: list[str], left: list[str], taken: dict[str, str]):
    assert without_secrets(arguments) == (left, taken)


def test_the_process_list_does_not_show_it(tmp_path: Path):
    arguments = ["health", "--redis", SECRET, "--secret=whsec_marked", "--json"]
    child = ChildProcess(
        "program", [sys.executable, "-P", "-c", PROGRAM, *arguments], log=tmp_path / "log", env=dict(os.environ)
    )
    child.spawn()
    try:
        until(lambda: "whsec_marked" in (tmp_path / "log").read_text(), PATIENCE_S, "it runs")
        assert (tmp_path / "log").read_text() == f"['health', '--json'] {SECRET} whsec_marked\n"
        shown = Path(f"/proc/{child.pid}/cmdline").read_bytes()
        assert b"health" in shown
        assert b"marked" not in shown
    finally:
        child.stop()
