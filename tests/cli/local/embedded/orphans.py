"""Runs a parent that starts a server, kills the parent, and waits for the server to die."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

REPOSITORY = Path(__file__).parents[4]
PARENT = """
import sys, time
from pathlib import Path
from cli.local import embedded
server = {start}
print(server.pid, flush=True)
time.sleep(120)
"""
DEATH_TIMEOUT_S = 5.0


def dies_with_its_parent(start: str) -> bool:
    """Whether a server is gone within seconds after its parent got SIGKILL.

    Args:
        start: Python expression that starts the server, as in `embedded.start_redis(Path('x'))`.
    """
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT.format(start=start)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": f"{REPOSITORY}{os.pathsep}{REPOSITORY / 'clients/python'}"},
    )
    with parent:
        assert parent.stdout is not None
        server = int(parent.stdout.readline())
        assert is_alive(server)
        parent.kill()
    deadline = time.monotonic() + DEATH_TIMEOUT_S
    while is_alive(server) and time.monotonic() < deadline:
        time.sleep(0.02)
    alive = is_alive(server)
    if alive:
        os.kill(server, signal.SIGKILL)
    return not alive


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that waits to be reaped does not."""
    status = Path("/proc", str(pid), "stat")
    try:
        return status.read_text().rpartition(")")[2].split()[0] not in {"Z", "X"}
    except (FileNotFoundError, ProcessLookupError):
        return False
