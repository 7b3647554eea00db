"""`/metrics`, `/livez` and `/readyz` of one process, over HTTP on a port of its own."""

import logging
import socket
import threading
from collections.abc import Callable, Iterable, Sequence
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import REGISTRY, CollectorRegistry, make_wsgi_app

from events.base_error import ShoalError
from state.operations.service_health import ServiceProbe
from state.operations.settings import MetricsSettings

__all__ = ["MetricsPortTaken", "serve_metrics"]

log = logging.getLogger(__name__)

Respond = Callable[..., Any]


class MetricsPortTaken(ShoalError):
    """The port of the metrics cannot be listened on."""


class _Server(ThreadingMixIn, WSGIServer):
    """Answers each request in a thread: a slow reader holds nobody up."""

    daemon_threads = True
    request_queue_size = 32


class _Handler(WSGIRequestHandler):
    timeout = 10  # seconds that a connection may take over its request

    def log_message(self, *_: object) -> None:
        """Log nothing: probes come every few seconds."""


def serve_metrics(
    settings: MetricsSettings, parts: Sequence[ServiceProbe], registry: CollectorRegistry = REGISTRY
) -> str | None:
    """Serve in a thread until the process ends; return the address, None where the settings ask for none.

    A service is alive and ready where all its parts are. Raises MetricsPortTaken.
    """
    if not settings.metrics_port:
        return None
    return _start(settings.metrics_host, settings.metrics_port, _application(parts, registry))


def _start(host: str, port: int, application: Callable[..., Iterable[bytes]]) -> str:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    server_class = type("_ServerOfFamily", (_Server,), {"address_family": family})
    try:
        server: WSGIServer = make_server(host, port, application, server_class, _Handler)
    except OSError as error:
        raise MetricsPortTaken(
            f"cannot listen on {host}:{port} for metrics ({error.strerror or error}): each process on a machine needs "
            "a SHOAL_METRICS_PORT of its own; 0 is none"
        ) from error
    threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()
    address = f"{host}:{server.server_port}"
    log.info("metrics at http://%s/metrics", address)
    return address


def _application(parts: Sequence[ServiceProbe], registry: CollectorRegistry) -> Callable[..., Iterable[bytes]]:
    metrics: Any = make_wsgi_app(registry)
    probes: dict[str, Callable[[ServiceProbe], str]] = {
        "/livez": lambda part: part.liveness_problem(),
        "/readyz": lambda part: part.readiness_problem(),
    }

    def answer(environ: dict[str, Any], respond: Respond) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path == "/metrics":
            return list(metrics(environ, respond))
        if path not in probes:
            return _text(respond, "404 Not Found", "there are /metrics, /livez and /readyz")
        problems = [problem for each in parts if (problem := probes[path](each))]
        return _text(respond, "503 Service Unavailable" if problems else "200 OK", "; ".join(problems) or "ok")

    return answer


def _text(respond: Respond, status: str, text: str) -> list[bytes]:
    body = f"{text}\n".encode()
    respond(status, [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(body)))])
    return [body]
