"""Tansu, a small broker that speaks Kafka's protocol and keeps everything in memory, as a child process."""

import os
import uuid
from pathlib import Path

from cli.local.embedded import broker_check, program_paths
from cli.local.embedded.child_process import Server
from cli.local.embedded.free_ports import LOOPBACK, on_free_port

FOREIGN_SETTINGS = frozenset({"SCHEMA_REGISTRY", "OTEL_EXPORTER_OTLP_ENDPOINT"})
"""Environment variables that Tansu would read, and that mean another program where they are set."""


class TansuBroker(Server):
    """A running Tansu on 127.0.0.1; what it holds is gone when it stops."""

    start_timeout_s = 20.0

    def __init__(self, directory: Path, *, port: int) -> None:
        """Describes the broker; `start` starts it.

        Args:
            directory: where it keeps its log file.
            port: TCP port on 127.0.0.1.
        """
        self.port = port
        self.cluster_id = f"shoal-{uuid.uuid4().hex}"
        address = f"tcp://{LOOPBACK}:{port}"
        super().__init__(
            "Tansu",
            [
                *(program_paths.tansu(), "broker"),
                *("--cluster-id", self.cluster_id),
                *("--listener-url", address),
                *("--advertised-listener-url", address),
                *("--storage-engine", "memory://tansu/"),
            ],
            log=directory / "tansu.log",
            env={name: value for name, value in os.environ.items() if name not in FOREIGN_SETTINGS},
        )

    @property
    def bootstrap(self) -> str:
        """Address for clients, host:port."""
        return f"{LOOPBACK}:{self.port}"

    def ready(self) -> bool:
        """Whether it answers a metadata request."""
        return broker_check.answers(self.port, self.cluster_id)


def start_tansu(directory: Path, *, port: int | None = None) -> TansuBroker:
    """Starts a Tansu broker and returns when it answers.

    Args:
        directory: folder for its log file; made if need be.
        port: TCP port on 127.0.0.1; a free one if None.

    Raises:
        ProgramMissing: the wheel that brings it is not installed.
        ServiceFailed: it did not start.
    """

    def start(port: int) -> TansuBroker:
        broker = TansuBroker(directory, port=port)
        broker.start()
        return broker

    return start(port) if port else on_free_port(start)
