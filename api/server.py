"""Serve the application with uvicorn."""

import gc
import logging
import resource

import uvicorn

from api.app import build_app
from api.connections.bounded_http_protocol import protocol_with
from api.connections.connection_registry import ConnectionLimits
from api.settings import AppSettings

__all__ = ["serve"]

log = logging.getLogger(__name__)

_OTHER_FILES = 200
"""Files and connections that the process itself needs: Redis, Kafka, modules, logs."""


def serve(settings: AppSettings) -> None:
    """Serve until SIGTERM or SIGINT. Exits the process with 3 where the port is taken or Redis is not there."""
    app = build_app(settings)
    app.openapi()  # takes a moment, which nobody should wait for while reading segments
    gc.collect()
    gc.freeze()  # else a look through all that was imported would hold every request up, now and then
    most = settings.api.api_connections
    limits = ConnectionLimits(total=_connections_possible(most), per_address=settings.api.api_connections_per_address)
    uvicorn.run(
        app,
        host=settings.api.api_host,
        port=settings.api.api_port,
        access_log=False,  # addresses hold customer ids; who read what is in the audit log
        server_header=False,
        log_level="warning",
        http=protocol_with(limits),
        ws="none",
        timeout_keep_alive=round(limits.idle_s),
        timeout_graceful_shutdown=10,
    )


def _connections_possible(wanted: int) -> int:
    """Return how many connections the limit of open files allows, after raising it as far as it may be."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = wanted + _OTHER_FILES
    if soft != resource.RLIM_INFINITY and soft < needed:
        soft = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return wanted
    possible = max(10, soft - _OTHER_FILES)
    log.warning(
        "the limit of open files is %d: at most %d connections, not %d; raise it (ulimit -n)", soft, possible, wanted
    )
    return possible
