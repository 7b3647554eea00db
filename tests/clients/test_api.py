"""The client against a real API: what it reads is what Redis holds, and what goes wrong is said."""

import contextlib
import http.server
import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
import redis as redis_py
import uvicorn

from api.access.api_keys import KeyStore
from api.access.scopes import Scope
from api.app import build_app
from api.settings import ApiSettings, AppSettings
from events.settings import KafkaSettings
from experiments import Experiment, assign
from shoal_client import ApiError, ApiUnreachable, Busy, Segment, Shoal, ShoalError
from state.customers.current_segment_keys import SegmentViews
from state.experiments.definitions import ExperimentStore
from state.settings import StateSettings
from stream.model.baseline_zero import SEGMENT_NAMES
from stream.settings import StreamSettings
from tests.api.conftest import EVIL, PARTITIONS, fill
from tests.building import merge_of

NAMES = [*(f"c{i}" for i in range(2_500)), EVIL, "a/b", "ü€ 100%?#", "../../v1/segments"]
NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def store(redis_server, redis_database_numbers) -> Iterator[redis_py.Redis]:
    with redis_py.Redis.from_url(f"{redis_server.url.removesuffix('/0')}/{next(redis_database_numbers)}") as client:
        client.flushdb()
        fill(client, NAMES)
        yield client


@pytest.fixture(scope="module")
def address(store: redis_py.Redis) -> Iterator[str]:
    """Where an API of this module listens."""
    place = store.connection_pool.connection_kwargs
    url = f"redis://{place['host']}:{place['port']}/{place['db']}"
    kafka = KafkaSettings(kafka="127.0.0.1:1", partitions=PARTITIONS)
    settings = AppSettings(ApiSettings(), kafka, StateSettings(redis=url), StreamSettings(clock="event"))
    server = uvicorn.Server(uvicorn.Config(build_app(settings), port=0, log_level="error"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
            thread.join(0.02)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/"
    finally:
        server.should_exit = True
        thread.join(20)


def key(store, *scopes):
    return KeyStore(store).create("shop", scopes, datetime.now(UTC)).token


@pytest.fixture
def shoal(address, store):
    with Shoal(address, key(store, Scope.SEGMENTS_READ, Scope.EXPERIMENTS_READ)) as client:
        yield client


@pytest.mark.parametrize("name", ["c7", EVIL, "a/b", "ü€ 100%?#", "../../v1/segments"])
def test_a_segment_is_the_one_in_redis(shoal, name):
    number = NAMES.index(name) % len(SEGMENT_NAMES)
    assert shoal.segment(name) == Segment(
        segment_id=f"s{number + 1}", segment=SEGMENT_NAMES[number], since="2026-01-01T00:00:00.000Z", previous=None,
        baseline=0, change_id=f"{name}:1",
    )  # fmt: skip


def test_who_was_merged_has_the_segment_of_the_survivor(shoal, store):
    SegmentViews(store).write([merge_of("visitor/7", 1, "c7", segment_id=None)])
    own, found = shoal.segment("c7"), shoal.segment("visitor/7")
    assert (own.merged_into, found.merged_into) == (None, "c7")
    assert (found.segment_id, found.change_id) == (own.segment_id, own.change_id)
    assert shoal.segments(["visitor/7", "c7"]) == {"visitor/7": found, "c7": own}


def test_nobody_has_no_segment(shoal):
    assert shoal.segment("nobody") is None
    assert shoal.segments(["nobody"]) == {}
    assert shoal.segments([]) == {}


def test_thousands_of_segments_at_once(shoal):
    found = shoal.segments([*NAMES, "nobody", "c7"])
    assert found.keys() == set(NAMES)
    assert found["c7"] == shoal.segment("c7")


def test_experiments_are_assigned_as_the_library_does(shoal, store):
    banner = Experiment.model_validate(
        {"id": "banner", "variants": [{"name": "A"}, {"name": "B"}], "control": "A", "start": NOW}
    )
    ExperimentStore(store).create("banner", banner.model_dump_json())
    for name in ("c1", "c2", "c3", "a/b", "ü€ 100%?#"):
        assert shoal.assign("banner", name).variant == assign(name, banner).variant
    (listed,) = shoal.experiments()
    assert (listed.experiment, listed.exposed) == ("banner", 0)
    report = shoal.report("banner")
    assert report["verdict"]["sentence"] == listed.sentence
    with pytest.raises(ApiError, match="there is no experiment 'none'") as caught:
        shoal.assign("none", "c1")
    assert caught.value.status == 404


def test_a_wrong_key_and_a_wrong_scope_are_said(address, store):
    with Shoal(address, "shoal_wrong") as client, pytest.raises(ApiError, match="401 Unauthorized") as caught:
        client.segment("c1")
    assert (caught.value.status, caught.value.retriable) == (401, False)
    with (
        Shoal(address, key(store, Scope.EXPERIMENTS_READ)) as client,
        pytest.raises(ApiError, match="lacks the scope segments:read"),
    ):
        client.segments(["c1"])


def test_what_is_not_valid_is_said(shoal):
    with pytest.raises(ApiError, match="customer_id") as caught:
        shoal.segment("x" * 129)
    assert caught.value.status == 422


def test_nobody_there_is_unreachable():
    with contextlib.closing(socket.socket()) as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        with Shoal(f"http://127.0.0.1:{port}", "k", timeout_s=1) as client, pytest.raises(ApiUnreachable) as caught:
            client.segment("c1")
    assert caught.value.retriable
    assert isinstance(caught.value, ShoalError)


def test_an_address_is_one_of_http():
    with pytest.raises(ValueError, match="file:///etc"):
        Shoal("file:///etc", "k")


class Elsewhere(http.server.BaseHTTPRequestHandler):
    """Answers as something that is not Shoal, or not at its best."""

    def do_GET(self):
        status, body, headers = {
            "/v1/customers/html/segment": (200, b"<html>", {}),
            "/v1/customers/other/segment": (200, b'{"segment_id": 5}', {}),
            "/v1/customers/moved/segment": (302, b"", {"Location": f"http://{self.headers['host']}/stolen"}),
            "/v1/customers/busy/segment": (
                429, b'{"title": "Too Many Requests", "detail": "the key may make 3"}', {"Retry-After": "7"},
            ),
            "/v1/customers/proxy/segment": (502, b"Bad Gateway", {}),
        }[self.path]  # fmt: skip
        self.server.seen.append(self.path)
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def elsewhere():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere) as server:
        server.seen = []
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        with Shoal(f"http://127.0.0.1:{server.server_port}", "k") as client:
            yield client, server.seen
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("name", "kind", "says"),
    [
        ("html", ApiError, "is not what Shoal answers"),
        ("other", ApiError, "is not what Shoal answers"),
        ("moved", ApiError, "302"),
        ("busy", Busy, "the key may make 3"),
        ("proxy", ApiError, "502 Bad Gateway: the answer does not say why"),
    ],
)
def test_what_is_not_the_api_is_told_and_the_key_goes_nowhere_else(elsewhere, name, kind, says):
    client, seen = elsewhere
    with pytest.raises(kind, match=says) as caught:
        client.segment(name)
    assert seen == [f"/v1/customers/{name}/segment"]
    assert getattr(caught.value, "retry_after_s", None) == (7.0 if name == "busy" else None)
