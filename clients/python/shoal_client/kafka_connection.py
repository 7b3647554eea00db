"""Open kafka-python clients: find out soon that no broker answers, and leave nothing open behind."""

import socket
from collections.abc import Callable
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

from kafka.errors import KafkaError
from kafka.net.compat import KafkaNetClient

from shoal_client.errors import KafkaUnreachable

__all__ = ["connect"]

Client = TypeVar("Client")

DEFAULT_PORT: Final = 9092
LISTENER_TIMEOUT_S: Final = 3.0
BOOTSTRAP_TIMEOUT_MS: Final = 8_000


def connect(kind: Callable[..., Client], bootstrap: str, **options: Any) -> Client:
    """Return a KafkaAdminClient or KafkaProducer that has found its brokers. Raises KafkaUnreachable.

    By itself the client would try for 30 seconds even where the connection is refused, and then leave its sockets and
    its thread behind.
    """
    if "proxy_url" not in options:
        _require_listener(bootstrap)
    opened: list[Any] = []

    def network(**configs: Any) -> Any:
        opened.append(KafkaNetClient(**configs))
        return opened[-1]

    defaults = {"bootstrap_timeout_ms": BOOTSTRAP_TIMEOUT_MS, "kafka_client": network}
    try:
        return kind(bootstrap_servers=bootstrap.split(","), **(defaults | options))
    except (KafkaError, OSError) as error:
        for each in opened:
            each.close()
        raise KafkaUnreachable(bootstrap, error) from error


def _require_listener(bootstrap: str) -> None:
    """Return as soon as one of the servers takes a connection. Raises KafkaUnreachable with what each of them said."""
    refusals = []
    for server in bootstrap.split(","):
        try:
            address = urlsplit(f"//{server.strip()}")
            if not address.hostname:
                raise ValueError(f"{server!r} is not host:port")  # noqa: TRY301
            with socket.create_connection((address.hostname, address.port or DEFAULT_PORT), LISTENER_TIMEOUT_S):
                return
        except (OSError, ValueError) as error:
            refusals.append(str(error))
    raise KafkaUnreachable(bootstrap, "; ".join(refusals))
