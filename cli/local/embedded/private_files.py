"""Files that only their owner may read: addresses with a password in them, and logs."""

import os
from pathlib import Path
from typing import BinaryIO, Literal

__all__ = ["open_private", "private_folder", "write_private"]

_OWNER_ONLY = 0o600


def open_private(path: Path, mode: Literal["ab", "wb"] = "ab") -> BinaryIO:
    """Open a file for writing, readable by its owner only, also where it was there before and was not."""
    number = os.open(path, os.O_WRONLY | os.O_CREAT | (os.O_APPEND if mode == "ab" else os.O_TRUNC), _OWNER_ONLY)
    os.fchmod(number, _OWNER_ONLY)
    return os.fdopen(number, mode)


def write_private(path: Path, content: bytes) -> None:
    """Write a file that only its owner may read."""
    with open_private(path, "wb") as file:
        file.write(content)


def private_folder(path: Path) -> None:
    """Make a folder that only its owner may look into, or make it one."""
    path.mkdir(parents=True, exist_ok=True)
    path.chmod(0o700)
