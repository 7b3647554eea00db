"""Open kafka-python clients: find out soon why no broker answers or lets them in, and leave nothing open behind."""

import logging
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

from kafka.errors import KafkaError, KafkaTimeoutError
from kafka.net.compat import KafkaNetClient
from kafka.net.manager import KafkaConnectionManager
from kafka.net.sasl.oauth import AbstractTokenProvider
from kafka.net.selector import NetworkSelector
from kafka.protocol.metadata import MetadataRequest

from shoal_client.errors import KafkaRefuses, KafkaUnreachable
from shoal_client.kafka_refusals import Failure, refusal_sentence, tls_sentence
from shoal_client.kafka_security import KafkaSecurity
from shoal_client.kafka_tokens import TokenEndpoint

__all__ = ["PLAINTEXT", "connect", "require_access"]

Client = TypeVar("Client")

PLAINTEXT: Final = KafkaSecurity()
DEFAULT_PORT: Final = 9092
LISTENER_TIMEOUT_S: Final = 3.0
BOOTSTRAP_TIMEOUT_MS: Final = 8_000


class SyncTokens(AbstractTokenProvider):  # type: ignore[misc]
    """Tokens as kafka-python asks for them."""

    def __init__(self, tokens: TokenEndpoint) -> None:
        self._tokens = tokens

    def token(self) -> str:
        """Return a token. Raises KafkaRefuses."""
        return self._tokens.token()


def connect(kind: Callable[..., Client], bootstrap: str, security: KafkaSecurity = PLAINTEXT, **options: Any) -> Client:
    """Return a KafkaAdminClient or KafkaProducer that has found its brokers. Raises KafkaUnreachable, KafkaRefuses.

    By itself the client would try for 30 seconds even where the connection is refused or the password is wrong, and
    then leave its sockets and its thread behind.
    """
    options = _words(security) | options
    if "proxy_url" not in options:
        _require_listener(bootstrap, security)
        if security.protocol != "PLAINTEXT":
            _require_let_in(bootstrap, security, options)
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
        if isinstance(error, KafkaTimeoutError) and "proxy_url" not in options:
            _require_let_in(bootstrap, security, options)  # it says only that it has waited, not for what
        raise KafkaUnreachable(bootstrap, error) from error


def require_access(bootstrap: str, security: KafkaSecurity) -> None:
    """Return once a broker has let a client in. Raises KafkaUnreachable, KafkaRefuses."""
    _require_listener(bootstrap, security)
    _require_let_in(bootstrap, security, _words(security))


def _words(security: KafkaSecurity) -> dict[str, Any]:
    words = security.kafka_python()
    if security.by_token:
        words["sasl_oauth_token_provider"] = SyncTokens(security.tokens)
    return words


def _require_listener(bootstrap: str, security: KafkaSecurity) -> None:
    """Return as soon as one of the servers takes a connection, and where that is TLS, both hold each other for good.

    Raises KafkaUnreachable with what each of them said, KafkaRefuses with what is wrong with a certificate.
    """
    unreached, refusals = [], []
    for server in bootstrap.split(","):
        try:
            address = urlsplit(f"//{server.strip()}")
            if not address.hostname:
                raise ValueError(f"{server!r} is not host:port")  # noqa: TRY301
            with socket.create_connection(
                (address.hostname, address.port or DEFAULT_PORT), LISTENER_TIMEOUT_S
            ) as found:
                if sentence := _tls_refusal(found, address.hostname, security):
                    refusals.append(sentence)
                else:
                    return
        except (OSError, ValueError) as error:
            unreached.append(str(error))
    if refusals:
        raise KafkaRefuses(f"Kafka at {bootstrap}: {refusals[0]}")
    raise KafkaUnreachable(bootstrap, "; ".join(unreached))


def _tls_refusal(connection: socket.socket, host: str, security: KafkaSecurity) -> str | None:
    """Return why the TLS handshake fails; kafka-python would leave the socket of one that does open."""
    if not security.tls:
        return None
    context = security.ssl_context
    try:
        with context.wrap_socket(connection, server_hostname=host):
            return None
    except OSError as error:  # those of TLS are such
        return tls_sentence(error, security)


def _require_let_in(bootstrap: str, security: KafkaSecurity, options: dict[str, Any]) -> None:
    """Shake hands with the servers in turn, until one of them has let this client in.

    Raises KafkaRefuses with why one does not, KafkaUnreachable where none answers.
    """
    if security.by_token:
        security.tokens.token()  # the client's thread would only log that there is none
    network = NetworkSelector(**options)
    manager = KafkaConnectionManager(network, bootstrap_servers=bootstrap.split(","), **options)
    failures: list[Failure] = []

    async def shake_hands(node: Any) -> None:
        connection = manager.get_connection(node, timeout_ms=LISTENER_TIMEOUT_S * 1000)
        try:
            await connection
            await connection.send_request(MetadataRequest(topics=[], allow_auto_topic_creation=False))
        except (KafkaError, OSError) as error:
            failures.append(Failure(error, spoke_kafka=connection.broker_version is not None))

    with _quiet():
        try:
            for broker in manager.cluster.bootstrap_brokers():
                tried = len(failures)
                network.run(shake_hands, broker.node_id)
                if len(failures) == tried:
                    return
        finally:
            manager.close()
            network.close()
    for failure in failures:
        if sentence := refusal_sentence(failure, security):
            raise KafkaRefuses(f"Kafka at {bootstrap}: {sentence}") from failure.error
    raise KafkaUnreachable(bootstrap, "; ".join(str(failure.error) for failure in failures))


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep kafka-python from logging an error with each of its tries, which the exception says once."""
    log = logging.getLogger("kafka")
    before = log.level
    log.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        log.setLevel(before)
