"""The pid file: which process runs this folder's services."""

import fcntl
from pathlib import Path

from cli.local.service_addresses import LOCAL

__all__ = ["running_pid"]


def running_pid(folder: Path = LOCAL) -> int | None:
    """Return the process that runs this folder's services, or None: it holds a lock on `pid`, however it ends."""
    try:
        with (folder / "pid").open() as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return None
    except BlockingIOError:
        return int((folder / "pid").read_text())
    return None
