"""Runs a command that is killed when the process that started this script dies, even by SIGKILL.

Run as a script, `parent_death.py PARENT_PID COMMAND...`: it ties itself to the parent and then becomes the command, so
the command keeps the process id and the file descriptors. Linux ties; elsewhere the command runs untied.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1
"""The option of Linux's prctl(2) that names the signal a process gets when its parent dies."""

CANNOT_EXECUTE = 127
"""Exit code when the command is not there or is not executable, as in a shell."""


def die_with(parent: int) -> None:
    """Asks Linux to kill this process when its parent dies.

    Args:
        parent: process id of the parent that is meant.

    Raises:
        SystemExit: the parent was dead before the kernel could be asked.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
        if os.getppid() != parent:
            raise SystemExit(f"the parent process {parent} died while this was starting")


def become(command: list[str]) -> None:
    """Replaces this process by a command; its standard error tells why when that fails.

    Args:
        command: program and arguments; the program is looked up on PATH.

    Raises:
        SystemExit: the program cannot be executed; code 127.
    """
    # Python ignores these two for itself, and an ignored signal stays ignored across exec.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    try:
        os.execvp(command[0], command)  # noqa: S606 - becoming the given command is this script's job
    except OSError as error:
        sys.stderr.write(f"cannot execute {command[0]}: {error.strerror}\n")
        raise SystemExit(CANNOT_EXECUTE) from error


if __name__ == "__main__":
    die_with(int(sys.argv[1]))
    become(sys.argv[2:])
