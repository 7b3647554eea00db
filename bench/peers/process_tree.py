"""Processor time and memory of a process with all that it started."""

import os
from pathlib import Path

__all__ = ["ProcessTree"]

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE_MB = os.sysconf("SC_PAGE_SIZE") / 2**20


class ProcessTree:
    """A process and its descendants, looked at from time to time (Linux).

    A process once seen stays a member when its parent ends; one that ended counts as it was when last looked at.
    Memory shared between members counts in each.
    """

    def __init__(self, root: int) -> None:
        self._members = {root}
        self._seconds: dict[int, float] = {}
        self.peak_mb = 0.0

    def look(self) -> float:
        """Return the processor seconds (user and system) used so far; note the peak of the summed resident memory."""
        stats = _stats()
        while grown := {pid for pid, fields in stats.items() if int(fields[1]) in self._members} - self._members:
            self._members |= grown
        resident_mb = 0.0
        for pid in self._members & stats.keys():
            fields = stats[pid]
            self._seconds[pid] = (int(fields[11]) + int(fields[12])) / _TICKS
            resident_mb += int(fields[21]) * _PAGE_MB
        self.peak_mb = max(self.peak_mb, resident_mb)
        return sum(self._seconds.values())

    def running(self) -> list[int]:
        """Return the members that still run."""
        stats = _stats()
        return [pid for pid in self._members & stats.keys() if stats[pid][0] != "Z"]


def _stats() -> dict[int, list[str]]:
    """Return what follows the command's name in /proc/PID/stat, by process: state, parent, and so on."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                text = (entry / "stat").read_text()
            except OSError:
                continue  # it has ended since
            found[int(entry.name)] = text.rsplit(")", 1)[1].split()
    return found
