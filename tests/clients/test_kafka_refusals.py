"""What is said where something else than Kafka answers: a TLS listener that speaks before it hangs up, a web server."""

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from shoal_client import KafkaSecurity
from shoal_client.errors import KafkaRefuses
from shoal_client.kafka_connection import require_access

TLS_ALERT = bytes.fromhex("15030300020246")  # fatal, protocol version
WEB_PAGE = b"HTTP/1.1 400 Bad Request\r\n\r\n"


@contextmanager
def listener(answer: bytes) -> Iterator[str]:
    """The address of a server that says this to whoever says anything."""

    class Answering(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            if self.request.recv(4096):
                self.request.sendall(answer)
                self.request.recv(4096)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Answering) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield "{}:{}".format(*server.server_address)
        server.shutdown()


@pytest.mark.parametrize(
    ("answer", "said"),
    [(TLS_ALERT, "expects TLS: set SHOAL_KAFKA_SECURITY"), (WEB_PAGE, "is not Kafka")],
    ids=["TLS", "web"],
)
def test_what_is_not_kafka_is_recognised_by_its_first_word(answer, said):
    with listener(answer) as address, pytest.raises(KafkaRefuses, match=said):
        require_access(address, KafkaSecurity())
