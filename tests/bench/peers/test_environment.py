"""An environment is made once, and why it cannot be made is said."""

import dataclasses
import subprocess

import pytest

from bench.peers import PeerUnavailable, environment, named
from bench.peers.environment import prepare


@pytest.fixture
def commands(monkeypatch):
    made = []

    def run(command, **_settings):
        made.append(command)

    monkeypatch.setattr(environment.subprocess, "run", run)
    return made


def test_an_environment_is_made_once(tmp_path, commands):
    peer = named("ceiling")
    (tmp_path / peer.folder).mkdir()
    with pytest.raises(FileNotFoundError):  # nothing was really made, so there is no folder to note it in
        prepare(peer, tmp_path)
    assert [command[1:3] for command in commands] == [["-m", "venv"], ["-m", "pip"]]
    (tmp_path / peer.folder).mkdir()
    (tmp_path / peer.folder / "made-of").write_text(peer.requirements.read_text())
    prepare(peer, tmp_path)
    assert len(commands) == 2


def test_a_failure_tells_what_was_said(tmp_path, monkeypatch):
    def run(command, **_settings):
        raise subprocess.CalledProcessError(1, command, stderr="first\nNo matching distribution")

    monkeypatch.setattr(environment.subprocess, "run", run)
    with pytest.raises(PeerUnavailable, match="No matching distribution"):
        prepare(named("ceiling"), tmp_path)


def test_java_is_asked_for(tmp_path, monkeypatch):
    monkeypatch.setattr(environment.shutil, "which", lambda _name: None)
    with pytest.raises(PeerUnavailable, match="java is not on PATH"):
        prepare(dataclasses.replace(named("ceiling"), java=True), tmp_path)
