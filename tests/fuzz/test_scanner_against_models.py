"""A differential: the compiled scanner, the structs and pydantic's models accept the same bytes.

In two cases pydantic's own reading is more generous, and the wire is held to a stricter one: `NaN` and `Infinity` are
no JSON (RFC 8259), also in fields that are ignored; and a field that is told twice has to be valid each time, as
receivers differ in which of the two they take (RFC 8259, section 4). Both are decided here for every
event, none is left out.
"""

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from events.codec.column_decoder import ColumnDecoder
from events.codec.struct_decoder import BatchDecoder
from events.schema.inputs import INPUTS, CustomerProfile
from tests.events.wire import odd_events, valid_events
from tests.fuzz.fuzzing import fuzzed

MODELS = sorted(INPUTS.values(), key=lambda model: model.__name__)
SCANNED = [model for model in MODELS if model is not CustomerProfile]
MAX_BYTES = 1 << 20
_MOST_READINGS = 64


def decoders(model):
    """One that scans and one that does not, into the columns that every event has; profiles are never scanned."""
    if model is CustomerProfile:
        return [BatchDecoder(model, MAX_BYTES)]
    names = ("customer_id", "occurred_at")
    return [ColumnDecoder(model, names, MAX_BYTES, compiled=compiled) for compiled in (True, False)]


DECODERS = {model: decoders(model) for model in MODELS}


class _NotJson(ValueError):
    pass


class _Object(list):
    """The fields of an object in their order, repeated ones too."""


def _no_json(literal):
    raise _NotJson(literal)


def readings(value):
    """Every value that bytes may stand for, by which of several fields of one name a reader takes.

    None where they are no JSON.
    """
    try:
        tree = json.loads(value, object_pairs_hook=_Object, parse_constant=_no_json)
    except _NotJson:
        return None
    except (ValueError, RecursionError):
        return [value]  # both refuse it, or read what Python's json does not: compared as it is
    if not _repeats(tree):
        return [value]
    found = itertools.islice(_choices(tree), _MOST_READINGS)
    return [json.dumps(each).encode() for each in found]


def _repeats(tree):
    if isinstance(tree, _Object):
        return len({name for name, _ in tree}) < len(tree) or any(_repeats(each) for _, each in tree)
    return isinstance(tree, list) and any(map(_repeats, tree))


def _choices(tree):
    if isinstance(tree, _Object):
        by_name = {}
        for name, each in tree:
            by_name.setdefault(name, []).extend(_choices(each))
        yield from (dict(zip(by_name, chosen, strict=True)) for chosen in itertools.product(*by_name.values()))
    elif isinstance(tree, list):
        yield from map(list, itertools.product(*(list(_choices(each)) for each in tree)))
    else:
        yield tree


def refusals(model, value):
    """The kinds of errors by which pydantic refuses bytes; none where it accepts them."""
    try:
        model.model_validate_json(value)
    except ValidationError as error:
        found = error.errors(include_url=False)
        return {"rule" if each["type"] == "value_error" and not each["loc"] else each["type"] for each in found}
    return set()


def expected(model, value):
    """Whether the wire has to accept bytes.

    What only a rule over several fields refuses, the decoder accepts: inputs check these rules after it.
    """
    found = readings(value)
    return found is not None and all(refusals(model, each) <= {"rule"} for each in found)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
@fuzzed()
@given(data=st.data())
def test_the_same_bytes_are_accepted(model, data):
    value = data.draw(odd_events(model) | valid_events(model))
    wanted = expected(model, value)
    for decoder in DECODERS[model]:
        read = decoder.decode([value])
        accepted = len(read.positions)
        assert accepted + len(read.rejections) == 1
        assert bool(accepted) == wanted, (value, [each.reason for each in read.rejections])


@st.composite
def with_a_literal(draw, model):
    """A valid event with NaN or Infinity in a field that is ignored, at some depth."""
    literal = draw(st.sampled_from(["NaN", "Infinity", "-Infinity"]))
    inside = draw(st.sampled_from(["{}", "[{}]", '{{"a": {}}}', '{{"a": [1, {}]}}', '[{{"b": "x", "a": {}}}]']))
    value = draw(valid_events(model)).decode()
    field = f'"note": {inside.format(literal)}'
    return f"{{{field}, {value[1:]}" if draw(st.booleans()) else f"{value[:-1]}, {field}}}"


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
@fuzzed(0.3)
@given(data=st.data())
def test_what_is_no_json_is_refused_in_ignored_fields_too(model, data):
    value = data.draw(with_a_literal(model)).encode()
    for decoder in DECODERS[model]:
        (refused,) = decoder.decode([value]).rejections
        assert refused.reason


@pytest.mark.parametrize("model", SCANNED, ids=lambda model: model.__name__)
@fuzzed(0.5)
@given(data=st.data())
def test_a_batch_is_its_values_however_it_is_cut(model, data):
    values = data.draw(
        st.lists(odd_events(model) | valid_events(model) | st.binary(max_size=40) | st.none(), max_size=8)
    )
    scanned, structs = (decoder.decode(values) for decoder in DECODERS[model])
    assert scanned.positions.tolist() == structs.positions.tolist()
    assert [each.index for each in scanned.rejections] == [each.index for each in structs.rejections]
    for name in ("customer_id", "occurred_at"):
        assert list(scanned[name]) == list(structs[name])


def test_the_readings_of_bytes():
    assert readings(b'{"a": 1}') == [b'{"a": 1}']
    assert readings(b'{"a": NaN}') is None
    assert readings(b'{"a": 1, "a": 2}') == [b'{"a": 1}', b'{"a": 2}']
    assert len(readings(b'{"a": {"b": 1, "b": 2}, "c": [{"d": 1, "d": 2}]}')) == 4
