import json
import subprocess
import sys
from importlib.metadata import version

import pytest
from typer.testing import CliRunner

from cli.main import app, main

HEAVY = ("pydantic", "numpy", "pandas", "scipy", "sklearn", "pyarrow", "redis", "kafka", "confluent_kafka", "faust")
OURS = ("events.schema", "state", "consumers", "stream", "batch", "queries", "experiments", "simulation", "api")
PROGRAM = """
import contextlib, io, json, sys
from cli.main import main
sys.argv = ["shoal", "--help"]
with contextlib.redirect_stdout(io.StringIO()) as page, contextlib.suppress(SystemExit):
    main()
json.dump({"page": page.getvalue(), "modules": list(sys.modules)}, sys.stdout)
"""


def test_help_imports_only_what_describes_the_commands():
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    answer = json.loads(done.stdout)
    assert "Simulate a shop" in answer["page"]
    loaded = set(answer["modules"])
    assert not loaded & {*HEAVY, *OURS}


def test_the_version_is_that_of_the_installed_distribution():
    done = CliRunner().invoke(app, ["--version"])
    assert done.exit_code == 0
    assert done.output == f"shoal {version('shoal')}\n"


def test_a_setting_that_is_not_valid_is_wrong_usage(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("SHOAL_PARTITIONS", "[many]")
    monkeypatch.setattr(sys, "argv", ["shoal", "topics", "check"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert "the setting SHOAL_PARTITIONS is not valid" in (said := capsys.readouterr().err)
    assert "'[many]'" in said
