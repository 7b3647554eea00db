"""Connecting to Redis, and the error of an address where there is none."""

import socket

import pytest
import redis as redis_py

from state.store.connection import RedisUnreachable, connect
from tests.waiting import within


@pytest.fixture
def silent_port():
    """A port that accepts connections and never says a word."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


@pytest.fixture
def closed_port():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        yield unused.getsockname()[1]


def refused(url, **options):
    with within(5.0), pytest.raises(RedisUnreachable) as raised:
        connect(url, **options)
    return raised.value


def test_a_client_has_been_answered(redis_database_url):
    with connect(redis_database_url) as client:
        client.set("a", "1")
        assert client.get("a") == b"1"


def test_a_closed_port_is_named_at_once_with_what_to_do(closed_port):
    error = refused(f"redis://127.0.0.1:{closed_port}/0")
    assert f"redis://127.0.0.1:{closed_port}/0" in str(error)
    assert "SHOAL_REDIS" in str(error)
    assert error.retriable


def test_a_server_that_never_answers_is_given_up_after_the_timeout(silent_port):
    assert f"127.0.0.1:{silent_port}" in str(refused(f"redis://127.0.0.1:{silent_port}/0", timeout_s=0.3))


@pytest.mark.parametrize("url", ["127.0.0.1:6379", "http://127.0.0.1:6379", "redis://127.0.0.1:port/0", ""])
def test_an_address_that_is_no_redis_url_is_named(url):
    assert f"answers at {url} (" in str(refused(url))


@pytest.mark.parametrize("user", ["", "shoal"])
def test_the_message_does_not_give_the_password_away(closed_port, user):
    error = refused(f"redis://{user}:s3cr3t@127.0.0.1:{closed_port}/0")
    assert "s3cr3t" not in str(error)
    assert f"127.0.0.1:{closed_port}/0" in str(error)


def test_a_command_is_not_tried_again_by_the_client(redis_database_url):
    """After a lost answer nobody knows whether it was applied."""
    with connect(redis_database_url) as client:
        attempts = []

        def lose(*_args, **_options):
            attempts.append(1)
            raise redis_py.ConnectionError("the answer was lost")

        client.set_response_callback("INCRBY", lose)
        with pytest.raises(redis_py.ConnectionError):
            client.incr("a")
        assert len(attempts) == 1
        assert client.get("a") == b"1"
