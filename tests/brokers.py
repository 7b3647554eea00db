"""The brokers that the tests run on: which Kafka, and why; `conftest.py` makes fixtures of them."""

import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from cli.local.embedded import KafkaBroker, TansuBroker, start_apache_kafka, start_tansu

CLASSPATH_SCRIPT = Path(__file__).parents[1] / "deploy" / "kafka" / "classpath.sh"
CLASSPATH_TIMEOUT_S = 280
REDIS_DATABASES = 512
VARIABLE = "SHOAL_TEST_KAFKA"


@dataclass(frozen=True)
class KafkaChoice:
    """Which broker the tests run on, and why."""

    apache: bool
    asked_for: bool
    reason: str

    @classmethod
    def made(cls, environ: Mapping[str, str]) -> "KafkaChoice":
        """Apache Kafka where Java and Maven are present, else the embedded broker; the variable decides if it is set.

        Args:
            environ: the environment; SHOAL_TEST_KAFKA is `apache`, `embedded`, or not set.

        Raises:
            pytest.UsageError: the variable has another value.
        """
        wish = environ.get(VARIABLE, "")
        if wish not in {"", "apache", "embedded"}:
            raise pytest.UsageError(f"{VARIABLE} has value {wish!r}; it is 'apache', 'embedded', or not set")
        if wish:
            return cls(wish == "apache", asked_for=True, reason=f"{VARIABLE}={wish}")
        missing = [program for program in ("java", "mvn") if shutil.which(program, path=environ.get("PATH")) is None]
        if missing:
            return cls(apache=False, asked_for=False, reason=f"{' and '.join(missing)} not on PATH")
        return cls(apache=True, asked_for=False, reason="java and mvn are on PATH")

    @property
    def name(self) -> str:
        return "Apache Kafka" if self.apache else "Tansu (embedded, in memory)"

    def refused_by_ci(self, environ: Mapping[str, str]) -> bool:
        """Whether this is CI, which runs on Apache Kafka unless somebody asked for the other by name."""
        return environ.get("CI") == "true" and not self.apache and not self.asked_for


def apache_classpath() -> str:
    """The class path of the pinned Apache Kafka, fetched the first time; the test fails when that fails."""
    run = subprocess.run(
        [str(CLASSPATH_SCRIPT)], capture_output=True, text=True, timeout=CLASSPATH_TIMEOUT_S, check=False
    )
    if run.returncode != 0:
        pytest.fail(f"{CLASSPATH_SCRIPT.name} failed: {run.stderr}", pytrace=False)
    return run.stdout.strip()


def start_kafka(
    choice: KafkaChoice, directory: Path, settings: Mapping[str, str] | None = None
) -> KafkaBroker | TansuBroker:
    """Starts the chosen broker.

    Args:
        choice: which one.
        directory: folder for its log and data.
        settings: broker settings for Apache Kafka; Tansu has none.
    """
    if choice.apache:
        return start_apache_kafka(directory, classpath=apache_classpath(), settings=settings)
    return start_tansu(directory)


@contextmanager
def removed_afterwards(directory: Path) -> Iterator[Path]:
    """A directory whose data folder does not outlive the tests; the logs beside it do."""
    try:
        yield directory
    finally:
        shutil.rmtree(directory / "data", ignore_errors=True)
