"""Several commands in one round trip: answers in order, refusals as answers, a broken line as an error."""

import pytest
import redis as redis_py

from state.store.round_trip import Line, as_mapping, raise_first


@pytest.fixture
def line(redis):
    line = Line(redis)
    yield line
    line.drop()


def test_answers_come_in_the_order_of_the_commands(line):
    assert line.send([("SET", "a", "1"), ("GET", "a"), ("INCR", "a"), ("MGET", "a", "b")]) == [
        *(b"OK", b"1", 2, [b"2", None])
    ]


def test_a_refused_command_is_an_answer_and_the_line_goes_on(line):
    answers = line.send([("SET", "a", "x"), ("INCR", "a"), ("GET", "a")])
    assert isinstance(answers[1], redis_py.ResponseError)
    assert answers[2] == b"x"
    with pytest.raises(redis_py.ResponseError, match="not an integer"):
        raise_first(answers)
    assert line.send([("GET", "a")]) == [b"x"]


def test_a_watch_spans_round_trips_and_sees_what_others_write(redis, line):
    line.send([("WATCH", "a")])
    redis.set("a", "elsewhere")
    assert line.send([("MULTI",), ("SET", "b", "1"), ("EXEC",)])[-1] is None
    assert redis.get("b") is None


def test_a_dropped_line_leaves_no_watch_behind(redis):
    first = Line(redis)
    first.send([("WATCH", "a")])
    first.drop()
    redis.set("a", "elsewhere")
    again = Line(redis)
    assert again.send([("MULTI",), ("SET", "b", "1"), ("EXEC",)])[-1] == [b"OK"]
    again.close()


def test_a_line_that_was_cut_says_so(redis, line):
    (number,) = line.send([("CLIENT", "ID")])
    redis.client_kill_filter(_id=number)
    with pytest.raises(redis_py.ConnectionError):
        line.send([("PING",)])


@pytest.mark.parametrize("answer", [{b"a": b"1", b"b": b"2"}, [b"a", b"1", b"b", b"2"]])
def test_both_protocols_answer_with_a_mapping(answer):
    assert as_mapping(answer) == {b"a": b"1", b"b": b"2"}
