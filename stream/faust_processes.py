"""Faust applications: the options that all of them share, and the process that runs one."""

import asyncio
import contextlib
import tempfile
from collections.abc import Callable
from typing import Any, Final

import faust
import faust.auth
from aiokafka.abc import AbstractTokenProvider
from mode import Service

from events.settings import KafkaSettings
from events.time_units import DAY_S
from shoal_client.kafka_security import KafkaSecurity
from shoal_client.kafka_tokens import TokenEndpoint

__all__ = ["build_faust_app", "faust_credentials", "run_faust_app"]

_NEVER_S: Final = 3650.0 * DAY_S


def build_faust_app(
    kafka: KafkaSettings, name: str, session_timeout_s: float, datadir: str, **options: Any
) -> faust.App:
    """Return an application of that name with Shoal's options and those given.

    `datadir` is a folder that Faust requires, although no table is kept in it.
    """
    return faust.App(
        kafka.topic(name),
        broker=";".join(f"kafka://{address}" for address in kafka.kafka.split(",")),
        broker_credentials=faust_credentials(kafka.security),
        store="memory://",
        datadir=datadir,
        web_enabled=False,
        topic_replication_factor=kafka.replication,
        broker_session_timeout=session_timeout_s,
        broker_rebalance_timeout=session_timeout_s,
        broker_heartbeat_interval=max(0.3, session_timeout_s / 4),
        worker_redirect_stdouts=False,
        autodiscover=False,
        # Faust compares the time of the last event with these, not the time since there is something to read. So the
        # first event after five quiet minutes is reported as a stream that does not run, with a page of advice.
        stream_processing_timeout=_NEVER_S,
        broker_commit_livelock_soft_timeout=_NEVER_S,
        **options,
    )


def faust_credentials(security: KafkaSecurity) -> faust.auth.Credentials | None:
    """Return how Faust tells aiokafka to connect; None without TLS and user. Raises SecurityInvalid."""
    words = security.kafka_python()
    context = words.get("ssl_context")
    if security.by_token:
        return faust.auth.OAuthCredentials(oauth_cb=_AsyncTokens(security.tokens), ssl_context=context)
    if security.sasl:
        return faust.auth.SASLCredentials(
            username=words["sasl_plain_username"],
            password=words["sasl_plain_password"],
            mechanism=words["sasl_mechanism"],
            ssl_context=context,
        )
    return faust.auth.SSLCredentials(context) if security.tls else None


class _AsyncTokens(AbstractTokenProvider):  # type: ignore[misc]
    """Tokens as aiokafka asks for them."""

    def __init__(self, tokens: TokenEndpoint) -> None:
        self._tokens = tokens

    async def token(self) -> str:
        """Return a token, fetched in a thread where it is not at hand. Raises KafkaRefuses."""
        return await asyncio.to_thread(self._tokens.token)


def run_faust_app(build: Callable[[str], faust.App], service: Service, loglevel: str = "INFO") -> int:
    """Run an application and a service beside it until SIGTERM or SIGINT, and return the process's exit code.

    `build` returns the application for its data folder.
    """
    code = 1
    try:
        with tempfile.TemporaryDirectory(prefix="shoal-", ignore_cleanup_errors=True) as datadir:
            host = faust.Worker(
                build(datadir), service, loglevel=loglevel, redirect_stdouts=False, quiet=True, override_logging=False
            )
            host.spinner = None  # its escape codes would end up in the log
            with contextlib.suppress(KeyboardInterrupt):
                host.execute_from_commandline()
    except SystemExit as ended:
        code = 0 if ended.code in (None, 0) else 1
    return code
