"""The registry of peers and the folders agree, and every environment is pinned."""

import json
import re
import subprocess
import sys

import pytest

from bench.peers import PEERS, named
from bench.peers.registry import FOLDER
from events.time_units import DAY_MS

FOLDERS = {path.parent.name for path in FOLDER.glob("*/job.py")}


def test_every_folder_is_a_peer_and_every_peer_has_a_folder():
    assert {peer.folder for peer in PEERS} == FOLDERS


def test_names_are_unique_and_found():
    assert len({peer.name for peer in PEERS}) == len(PEERS)
    assert [named(peer.name) for peer in PEERS] == list(PEERS)
    with pytest.raises(KeyError, match="bytewax"):
        named("nobody")


@pytest.mark.parametrize("folder", sorted(FOLDERS))
def test_environments_are_pinned(folder):
    lines = (FOLDER / folder / "requirements.txt").read_text().splitlines()
    assert lines
    assert all(re.fullmatch(r"[A-Za-z0-9_.-]+==[0-9][A-Za-z0-9.]*", line) for line in lines), lines


@pytest.mark.parametrize("peer", PEERS, ids=lambda peer: peer.name)
def test_the_readme_tells_of_each_peer(peer):
    assert f"| {peer.name} |" in (FOLDER / "README.md").read_text()
    assert len(peer.describes) > 20


def test_programs_import_nothing_of_shoal():
    ours = re.compile(r"^(from|import) (events|state|consumers|stream|batch|cli|bench)\b", re.MULTILINE)
    assert [path for path in FOLDER.glob("*/*.py") if ours.search(path.read_text())] == []


def test_a_program_is_told_its_job(tmp_path):
    job = dict.fromkeys(("variant", "bootstrap", "redis_host", "orders", "changes", "group", "customers"), "")
    job |= {"progress": "", "directory": "", "jars": "", "redis_port": 1, "partitions": 4, "events": 5}
    job |= {"deadline_s": 60.0, "now_ms": 301 * DAY_MS, "center": [0.0] * 3, "scale": [1.0] * 3}
    job |= {"centroids": [[0.0, 0.0, 0.0], [5.7, 0.7, 0.7]], "segments": ["near", "far"]}
    (tmp_path / "job.json").write_text(json.dumps(job))
    program = "from job_and_features import *; print(Segmenter(read_job()).segment(1, 100, 86_400_000))"
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "job.json")],
        env={"PYTHONPATH": str(FOLDER / "program")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "far\n"
