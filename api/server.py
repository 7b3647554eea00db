"""Serve the application with uvicorn."""

import gc

import uvicorn

from api.app import build_app
from api.settings import AppSettings

__all__ = ["serve"]

_CONNECTIONS = 2_000


def serve(settings: AppSettings) -> None:
    """Serve until SIGTERM or SIGINT. Exits the process with 3 where the port is taken or Redis is not there."""
    app = build_app(settings)
    app.openapi()  # takes a moment, which nobody should wait for while reading segments
    gc.collect()
    gc.freeze()  # else a look through all that was imported would hold every request up, now and then
    uvicorn.run(
        app,
        host=settings.api.api_host,
        port=settings.api.api_port,
        access_log=False,  # addresses hold customer ids; who read what is in the audit log
        server_header=False,
        log_level="warning",
        limit_concurrency=_CONNECTIONS,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=10,
        h11_max_incomplete_event_size=16_384,
    )
