"""`shoal api`: the HTTP API and the dashboard, until it is stopped."""

import logging
from typing import TYPE_CHECKING, Annotated

import typer

from cli.local.service_addresses import KafkaOption, RedisOption, kafka_settings, state_settings
from cli.printing.output import log_to_stderr

if TYPE_CHECKING:
    from events.settings import KafkaSettings

__all__ = ["register"]

log = logging.getLogger(__name__)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("api", epilog="Example: `SHOAL_REDIS=redis://redis:6379/0 shoal api --host 0.0.0.0 --port 8080`")(api)


def api(
    port: Annotated[int | None, typer.Option(help="Port to listen on.", min=0, max=65_535)] = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    check: Annotated[bool, typer.Option("--check", help="Ask the API that runs here whether it is ready.")] = False,
    kafka: KafkaOption = None,
    redis: RedisOption = None,
) -> None:
    """Serve the HTTP API and the dashboard. Every request needs a key: `shoal keys create`."""
    from api.server import serve
    from api.settings import ApiSettings, AppSettings
    from state.store.connection import connect_for_service
    from stream.settings import StreamSettings

    log_to_stderr()
    given = {name: value for name, value in (("api_port", port), ("api_host", host)) if value is not None}
    settings = AppSettings(
        ApiSettings.model_validate(ApiSettings().model_dump() | given),
        kafka_settings(kafka),
        state_settings(redis),
        StreamSettings(),
    )
    if check:
        raise typer.Exit(0 if _ready(settings.api.api_port) else 1)
    connect_for_service(settings.state).close()  # says what to do where Redis is away, before the server starts
    if settings.kafka.security.protocol != "PLAINTEXT":
        _require_not_refused(settings.kafka)
    serve(settings)


def _require_not_refused(kafka: "KafkaSettings") -> None:
    """Raise KafkaRefuses where Kafka does not let this process in; segments can be read while it is away."""
    from shoal_client.errors import KafkaRefuses, KafkaUnreachable
    from shoal_client.kafka_connection import require_access

    try:
        require_access(kafka.kafka, kafka.security)
    except KafkaRefuses:
        raise
    except KafkaUnreachable as error:
        log.warning("%s", error)


def _ready(port: int) -> bool:
    import http.client

    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", "/ready")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
