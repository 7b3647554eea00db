"""Runs a parent that starts a server, kills the parent, and waits for the server to die."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.waiting import until

REPOSITORY = Path(__file__).parents[4]
PARENT = """
import sys, time
from pathlib import Path
from cli.local import embedded
server = {start}
print(server.pid, flush=True)
time.sleep(120)
"""


def dies_with_its_parent(start: str) -> bool:
    """Whether a server is gone soon after its parent got SIGKILL.

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
    try:
        until(lambda: not is_alive(server), what="the server dies")
    except AssertionError:
        os.kill(server, signal.SIGKILL)
        return False
    return True


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that waits to be reaped does not."""
    status = Path("/proc", str(pid), "stat")
    try:
        return status.read_text().rpartition(")")[2].split()[0] not in {"Z", "X"}
    except (FileNotFoundError, ProcessLookupError):
        return False
