"""What the figures were measured on, and of which commit."""

import os
import platform
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cli.local.embedded import program_paths

__all__ = ["VERSIONS", "describe_machine", "same_machine", "stamp"]

VERSIONS = ("python", "java", "redis", "kafka")

_ROOT = Path(__file__).parents[2]
_SHARED = "Apache Kafka, Redis, the publisher, the consumer of changes and the worker share its cores"
_PASSING = ("shared", "load_before")


def describe_machine() -> dict[str, Any]:
    """Return processor, cores, memory, kernel and versions; what is not known is an empty text."""
    cpu = _match(r"^model name\s*:\s*(.*)$", _read("/proc/cpuinfo"))
    kilobytes = _match(r"^MemTotal:\s*(\d+)", _read("/proc/meminfo"))
    return {
        "cpu": cpu or platform.processor() or platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gb": round(int(kilobytes or 0) / 2**20, 1),
        "kernel": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "java": _match(r'version "([^"]+)"', _command_output(["java", "-version"])),
        "redis": _match(r"v=(\S+)", _command_output([program_paths.redis_server(), "--version"])),
        "kafka": _match(r"<kafka.version>(.*)</kafka.version>", (_ROOT / "deploy/kafka/pom.xml").read_text()),
        "shared": _SHARED,
        "load_before": round(os.getloadavg()[0], 2),
    }


def same_machine(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Return whether two descriptions are of one machine with the same versions.

    >>> same_machine({"cpu": "x", "load_before": 0.1}, {"cpu": "x", "load_before": 2.0})
    True
    """
    names = (one.keys() | other.keys()) - set(_PASSING)
    return all(one.get(name) == other.get(name) for name in names)


def stamp(arguments: Sequence[str], program: str = "bench.main") -> dict[str, str]:
    """Return commit (with a plus where files were changed since), time and command of this measurement."""
    commit = _command_output(["git", "-C", str(_ROOT), "rev-parse", "--short=12", "HEAD"]).strip()
    changed = _command_output(
        ["git", "-C", str(_ROOT), "status", "--porcelain", "--untracked-files=no", "--", ":!bench/RESULTS.md"]
    )
    dirty = any("bench/results.json" not in line for line in changed.splitlines())
    return {
        "commit": f"{commit}{'+' if dirty else ''}" if re.fullmatch(r"[0-9a-f]+", commit) else "unknown",
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": shlex.join(["python", "-m", program, *arguments]),
    }


def _command_output(command: Sequence[str]) -> str:
    if shutil.which(command[0]) is None:
        return ""
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    return done.stdout + done.stderr


def _read(path: str) -> str:
    return Path(path).read_text() if sys.platform == "linux" else ""


def _match(pattern: str, text: str) -> str:
    match = re.search(pattern, text, re.MULTILINE)
    return match.group(1).strip() if match else ""
