"""Each peer's own environment, made on a fresh machine: a venv with pinned packages, and jars by Maven."""

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from bench.peers.registry import Peer
from events.base_error import ShoalError

__all__ = ["PeerUnavailable", "jars", "prepare", "python"]

_LIMIT_S: Final = 1_200.0
_TAIL: Final = 5


class PeerUnavailable(ShoalError):
    """A peer cannot run on this machine, and why."""


def python(peer: Peer, cache: Path) -> Path:
    """Return the interpreter of the peer's environment below `cache`."""
    return cache / peer.folder / "bin" / "python"


def jars(peer: Peer, cache: Path) -> Path:
    """Return the folder of the peer's jars; it has none if there is no pom.xml."""
    return cache / peer.folder / "jars"


def prepare(peer: Peer, cache: Path) -> None:
    """Make the peer's environment below `cache`, unless it is there as pinned. Raises PeerUnavailable."""
    wanted = peer.requirements.read_text() + (peer.pom.read_text() if peer.pom.exists() else "")
    home = cache.resolve() / peer.folder
    made_of = home / "made-of"
    if peer.java and shutil.which("java") is None:
        raise PeerUnavailable(f"{peer.name} needs Java, and java is not on PATH; install Java 17 or newer")
    if made_of.exists() and made_of.read_text() == wanted:
        return
    shutil.rmtree(home, ignore_errors=True)
    home.parent.mkdir(parents=True, exist_ok=True)
    _run(peer, [sys.executable, "-m", "venv", str(home)])
    # The pins are complete; working that out again takes pip a minute for the larger ones.
    install = ["install", "--quiet", "--no-deps", "-r", str(peer.requirements)]
    _run(peer, [str(home / "bin/python"), "-m", "pip", *install])
    if peer.pom.exists():
        if shutil.which("mvn") is None:
            raise PeerUnavailable(f"{peer.name} needs jars, and mvn is not on PATH; install Apache Maven")
        goal = ["dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={home / 'jars'}"]
        _run(peer, ["mvn", "--batch-mode", "--quiet", "--file", str(peer.pom), *goal])
    made_of.write_text(wanted)


def _run(peer: Peer, command: Sequence[str]) -> None:
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=_LIMIT_S)
    except subprocess.CalledProcessError as error:
        said = "\n".join((error.stderr or error.stdout or "").strip().splitlines()[-_TAIL:])
        raise PeerUnavailable(f"{peer.name}: {' '.join(command)} failed: {said}") from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise PeerUnavailable(f"{peer.name}: {' '.join(command)}: {error}") from error
