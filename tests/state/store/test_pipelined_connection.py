"""Several commands in one round trip: answers in order, refusals as answers, a broken connection as an error."""

import pytest
import redis as redis_py

from state.store.pipelined_connection import PipelinedConnection, as_mapping, raise_first_error


@pytest.fixture
def connection(redis):
    connection = PipelinedConnection(redis)
    yield connection
    connection.disconnect()


def test_answers_come_in_the_order_of_the_commands(connection):
    assert connection.execute([("SET", "a", "1"), ("GET", "a"), ("INCR", "a"), ("MGET", "a", "b")]) == [
        *(b"OK", b"1", 2, [b"2", None])
    ]


def test_a_refused_command_is_an_answer_and_the_line_goes_on(connection):
    answers = connection.execute([("SET", "a", "x"), ("INCR", "a"), ("GET", "a")])
    assert isinstance(answers[1], redis_py.ResponseError)
    assert answers[2] == b"x"
    with pytest.raises(redis_py.ResponseError, match="not an integer"):
        raise_first_error(answers)
    assert connection.execute([("GET", "a")]) == [b"x"]


def test_a_watch_spans_round_trips_and_sees_what_others_write(redis, connection):
    connection.execute([("WATCH", "a")])
    redis.set("a", "elsewhere")
    assert connection.execute([("MULTI",), ("SET", "b", "1"), ("EXEC",)])[-1] is None
    assert redis.get("b") is None


def test_a_dropped_line_leaves_no_watch_behind(redis):
    first = PipelinedConnection(redis)
    first.execute([("WATCH", "a")])
    first.disconnect()
    redis.set("a", "elsewhere")
    again = PipelinedConnection(redis)
    assert again.execute([("MULTI",), ("SET", "b", "1"), ("EXEC",)])[-1] == [b"OK"]
    again.release()


def test_a_line_that_was_cut_says_so(redis, connection):
    (number,) = connection.execute([("CLIENT", "ID")])
    redis.client_kill_filter(_id=number)
    with pytest.raises(redis_py.ConnectionError):
        connection.execute([("PING",)])


@pytest.mark.parametrize("answer", [{b"a": b"1", b"b": b"2"}, [b"a", b"1", b"b", b"2"]])
def test_both_protocols_answer_with_a_mapping(answer):
    assert as_mapping(answer) == {b"a": b"1", b"b": b"2"}
