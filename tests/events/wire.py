"""Hypothesis strategies for events as they may stand on the wire: valid ones, and ones with something odd in them."""

import json
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

from hypothesis import strategies as st

from events.schema.inputs import Consent, Conversion, CustomerProfile, Exposure, Identity, Item, Order, WebSession

ODD = json.loads((Path(__file__).parent / "odd_values.json").read_text())
"""JSON texts of numbers, literals and strings; contents of strings (texts, instants)."""
LONG_NUMBERS = ["1" * 25, "1" * 400, "-" + "9" * 310, "0." + "3" * 400]
LONG_TEXTS = [char * length for char in "x\U0001f600" for length in (64, 127, 128, 129, 256, 257, 10_000)]

instants = st.builds(
    lambda at, zone, separator: json.dumps(at.replace(tzinfo=zone).isoformat(separator).replace("+00:00", "Z")),
    st.datetimes(datetime(1970, 1, 3), datetime(9999, 12, 29)),
    st.sampled_from([UTC, UTC, timezone(timedelta(hours=5, minutes=30)), timezone(timedelta(hours=-11))]),
    st.sampled_from(["T", "T", "t"]),
)
texts = st.builds(json.dumps, st.text(max_size=12), ensure_ascii=st.booleans())
identifiers = st.builds(json.dumps, st.text(min_size=1, max_size=12), ensure_ascii=st.booleans())
long_identifiers = st.builds(json.dumps, st.text(min_size=13, max_size=15), ensure_ascii=st.booleans())
"""Ids that no customer_id is."""
amounts = st.one_of(
    st.integers(0, 10**12).map(str),
    st.floats(0, 1e12).map(repr),
    st.decimals(0, 10**6, places=2).map('"{:f}"'.format),
    st.decimals(0, 1, places=6).map('"{:f}"'.format),
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
odd_values = st.one_of(
    st.sampled_from(ODD["numbers"] + LONG_NUMBERS),
    st.sampled_from(ODD["literals"] + ODD["strings"]),
    st.builds(json.dumps, st.sampled_from(ODD["texts"] + LONG_TEXTS), ensure_ascii=st.booleans()),
    st.sampled_from(ODD["instants"]).map(json.dumps),
    st.builds(json.dumps, anything, ensure_ascii=st.booleans()),
)


def numbers(low, high):
    return st.integers(low, high).map(str) | st.floats(low, high).map(repr)


def integers(high):
    return st.integers(0, high).map(str)


def one_of(*words):
    return st.sampled_from([json.dumps(word) for word in words])


COMMON = {
    "event_id": identifiers,
    "customer_id": identifiers,
    "occurred_at": instants,
    "schema_version": st.just("1"),
}
FIELDS = {
    Item: {"sku": identifiers, "quantity": integers(10**9), "price": amounts, "category": texts},
    Consent: {"marketing": st.sampled_from(["true", "false", "null"])},
    Identity: COMMON | {"previous_id": long_identifiers},
    Exposure: COMMON | {"experiment": identifiers, "variant": identifiers},
    Conversion: COMMON | {"experiment": identifiers, "value": amounts, "currency": one_of("EUR", "USD"), "kind": texts},
    Order: COMMON
    | {
        "type": one_of("placed", "cancelled", "refunded"),
        "order_id": identifiers,
        "amount": amounts,
        "currency": one_of("EUR", "JPY"),
        "items": st.deferred(lambda: arrays(objects(Item))),
        "channel": texts,
    },
    WebSession: COMMON
    | {
        "session_id": identifiers,
        "started_at": instants | st.just('"1970-01-02T00:00:00Z"'),
        "pages": integers(10**6),
        "duration_s": numbers(0, 604_800),
        "cart_adds": integers(10**6),
        "source": texts,
        "device": texts,
    },
    CustomerProfile: COMMON
    | {
        "signed_up_at": instants,
        "age": integers(150) | integers(150).map("{}.0".format),
        "gender": texts,
        "income": numbers(0, 10**12),
        "country": texts,
        "city": texts,
        "latitude": numbers(-90, 90),
        "longitude": numbers(-180, 180),
        "acquisition_source": texts,
        "consent": st.deferred(lambda: objects(Consent)),
        "attributes": st.dictionaries(st.text(max_size=5), json_values).map(json.dumps),
    },
}
"""For each model, by field, JSON text of valid values."""
NESTED = {'"items"': Item, '"consent"': Consent}


def arrays(elements):
    return st.lists(elements, max_size=3).map(lambda found: "[" + ", ".join(found) + "]")


def written(pairs):
    return "{" + ", ".join(f"{name}: {value}" for name, value in pairs) + "}"


@st.composite
def pairs_of(draw, model):
    """The fields of a valid object as pairs of JSON texts; those that may be absent are so sometimes."""
    return [
        (json.dumps(name), draw(FIELDS[model][name]))
        for name, field in model.model_fields.items()
        if field.is_required() or draw(st.booleans())
    ]


def objects(model):
    return pairs_of(model).map(written)


def odd_for(name):
    """Odd values of a field; where an object belongs there, also objects with something odd in them."""
    model = NESTED.get(name)
    if model is None:
        return odd_values
    nested = odd_objects(model)
    return odd_values | nested | arrays(objects(model) | nested)


@st.composite
def odd_objects(draw, model):
    """An object with one or two fields changed, dropped, repeated, renamed or added."""
    pairs = draw(pairs_of(model))
    for _ in range(draw(st.integers(1, 2))):
        at = draw(st.integers(0, len(pairs) - 1))
        name, value = pairs[at]
        match draw(st.sampled_from(["change", "change", "change", "drop", "repeat", "rename", "add"])):
            case "change":
                pairs[at] = (name, draw(odd_for(name)))
            case "drop" if len(pairs) > 1:
                del pairs[at]
            case "repeat":
                pairs.append((name, draw(odd_for(name) | st.just(value))))
            case "rename":
                pairs[at] = (
                    draw(st.sampled_from([name.upper(), name[:-1] + '\\u0000"', '"x"', "x", name + " "])),
                    value,
                )
            case _:
                pairs.append((draw(texts | st.just(r'"\ud800"')), draw(odd_values)))
    return written(pairs)


@st.composite
def odd_bytes(draw, model):
    """The bytes of an event that are cut, or have something put in, here and there in a field that is ignored."""
    value = written([*draw(pairs_of(model)), ('"note"', '"what nobody reads, be it as long as it likes"')]).encode()
    at = draw(st.integers(0, len(value)))
    addition = draw(
        st.sampled_from(
            [b"", b"\n", b"\x00", b"\xff", b"\xed\xa0\x80", b"\xc3", b"\xef\xbb\xbf", b",", b'"', b"}", b" "]
        )
    )
    rest = value[at:] if draw(st.booleans()) else b""
    return draw(st.sampled_from([value[:at] + addition + rest, addition + value, value + addition]))


def valid_events(model):
    return objects(model).map(str.encode)


def odd_events(model):
    return st.one_of(odd_objects(model).map(str.encode), odd_objects(model).map(str.encode), odd_bytes(model))
