"""Commands packed by compiled code are the bytes that hiredis makes of them."""

import pytest
from hiredis import pack_command
from hypothesis import given
from hypothesis import strategies as st

from tests.building import examples

resp = pytest.importorskip("state.store.resp", reason="there was no C compiler when Shoal was installed")

arguments = st.one_of(
    st.binary(max_size=20), st.text(max_size=20), st.integers(), st.floats(), st.sampled_from([b"x" * 1_000, "é" * 999])
)
commands = st.lists(st.lists(arguments, min_size=1, max_size=12).map(tuple), max_size=5)


@given(commands)
@examples(300)
def test_bytes_are_those_of_hiredis(given_commands):
    assert resp.pack_commands(given_commands) == b"".join(map(pack_command, given_commands))


@pytest.mark.parametrize("argument", [None, True, [b"a"], bytearray(b"a")])
def test_what_redis_has_no_bytes_for_is_refused(argument):
    with pytest.raises(TypeError, match="Redis takes bytes, text and numbers, not"):
        resp.pack_commands([("SET", "a", argument)])


def test_text_that_is_no_utf8_is_refused():
    with pytest.raises(UnicodeEncodeError):
        resp.pack_commands([("SET", "a", "\ud800")])
