"""A customer's profile: each field as the newest event told it, whatever the order in which events arrived.

In Redis it is the JSON of its newest event with the fields that other events told, and `field_times`: by time and hash
of an earlier event, the fields that are as that event told them. All other fields are as the newest event told them, as
they are in the documents of releases that kept the newest event only. A field that was told to be null stays, as null.

Each key of `attributes` is a field. `"attributes": null` clears those told before it. `consent.marketing` is a field
too, of which null clears a yes only: a no holds until a later event states a yes.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import msgspec

from events.codec.id_hashes import event_hashes
from events.codec.instants import instants_ms

__all__ = ["MAX_ATTRIBUTES", "Profile", "Stamp", "merged", "read_profiles", "without_field_times"]

Stamp = tuple[int, int]
"""When something was told: the event's time in ms since 1970 UTC, and between equal times the event's hash."""

MAX_ATTRIBUTES: Final = 1_000
"""Attributes that a profile keeps: the newest."""
_FIELD_TIMES: Final = "field_times"
_HEAD: Final = ("event_id", "customer_id", "occurred_at", "schema_version")
_ATTRIBUTES, _CONSENT, _MARKETING = "attributes", "consent", "consent.marketing"
_encode: Final = msgspec.json.Encoder(order="sorted").encode
_decode: Final = msgspec.json.Decoder().decode


class _Told(NamedTuple):
    """When a field was told, and its value; clearing all attributes or the consent are fields of their own."""

    stamp: Stamp
    value: Any


@dataclass(frozen=True)
class Profile:
    """What one event told of a customer, or many: the content of the JSON, and the stamp of the newest event."""

    stamp: Stamp
    content: Mapping[str, Any]

    def document(self) -> bytes:
        """Return the JSON that is kept: the same bytes for the same profile."""
        return _encode(self.content)


def read_profiles(documents: Iterable[bytes], stamps: Iterable[Stamp] | None = None) -> list[Profile]:
    """Read the JSON of events, whose stamps may be given, or of profiles that are kept."""
    contents = [_tidied(_decode(document)) for document in documents]
    if stamps is None:
        times, _ = instants_ms([content["occurred_at"] for content in contents])
        hashes = event_hashes([content["event_id"] for content in contents], "customers")
        stamps = zip(times.tolist(), hashes.tolist(), strict=True)
    return list(map(Profile, stamps, contents))


def merged(profiles: Sequence[Profile]) -> Profile:
    """Return what one or more profiles tell together: commutative, associative and idempotent."""
    if len(profiles) == 1:
        return profiles[0]
    fields: dict[str, _Told] = {}
    for profile in profiles:
        for path, told in _fields(profile):
            if path not in fields or told.stamp > fields[path].stamp:
                fields[path] = told
    newest = max(profiles, key=lambda profile: profile.stamp)
    head = {name: newest.content[name] for name in _HEAD if name in newest.content}
    return Profile(newest.stamp, head | _content(_kept(fields), newest.stamp))


def without_field_times(document: bytes) -> dict[str, Any]:
    """Return a profile that is kept, as its readers see it."""
    content: dict[str, Any] = _decode(document)
    content.pop(_FIELD_TIMES, None)
    return content


def _tidied(content: dict[str, Any]) -> dict[str, Any]:
    """Write an event as the profile of that event alone is written."""
    attributes = content.get(_ATTRIBUTES)
    if attributes == {}:
        del content[_ATTRIBUTES]
    elif attributes and len(attributes) > MAX_ATTRIBUTES:
        content[_ATTRIBUTES] = dict(sorted(attributes.items())[-MAX_ATTRIBUTES:])
    if content.get(_CONSENT) == {"marketing": None}:
        content[_CONSENT] = None
    return content


def _fields(profile: Profile) -> Iterator[tuple[str, _Told]]:
    """Yield every field that was told, by its path."""
    earlier = {path: (ms, hashed) for ms, hashed, *paths in profile.content.get(_FIELD_TIMES, ()) for path in paths}
    for path, value in _leaves(profile.content, earlier):
        yield path, _Told(earlier.get(path, profile.stamp), value)


def _leaves(content: Mapping[str, Any], earlier: Iterable[str]) -> Iterator[tuple[str, Any]]:
    for name, value in content.items():
        if name == _ATTRIBUTES:
            yield from ((f"attributes.{key}", inner) for key, inner in (value or {}).items())
        elif name == _CONSENT and (value is not None or _MARKETING in earlier):
            yield _MARKETING, value is None or value["marketing"]  # said, but shown as null, is a yes that was cleared
        elif name != _FIELD_TIMES and name not in _HEAD:
            yield name, value
        if name in (_ATTRIBUTES, _CONSENT) and (value is None or name in earlier):
            yield name, None


def _kept(fields: dict[str, _Told]) -> dict[str, _Told]:
    """Return the fields without attributes that were cleared since, and without the oldest above `MAX_ATTRIBUTES`."""
    cleared = fields.get(_ATTRIBUTES)
    attributes = [path for path in fields if path.startswith("attributes.")]
    gone = [path for path in attributes if cleared is not None and fields[path].stamp < cleared.stamp]
    if len(attributes) - len(gone) > MAX_ATTRIBUTES:
        by_age = sorted(set(attributes).difference(gone), key=lambda path: (fields[path].stamp, path))
        gone += by_age[:-MAX_ATTRIBUTES]
    for path in gone:
        del fields[path]
    return fields


def _content(fields: Mapping[str, _Told], newest: Stamp) -> dict[str, Any]:
    """Return fields as a document has them; `newest` is the stamp of the event that it names."""
    attributes = {
        path[len("attributes.") :]: told.value for path, told in fields.items() if path.startswith("attributes.")
    }
    content = {path: told.value for path, told in fields.items() if "." not in path}
    if attributes or _ATTRIBUTES in fields:
        content[_ATTRIBUTES] = attributes or None
    if _MARKETING in fields or _CONSENT in fields:
        consent = _marketing_consent(fields)
        content[_CONSENT] = None if consent is None else {"marketing": consent}
    earlier: dict[Stamp, list[str]] = {}
    for path, (stamp, _) in sorted(fields.items()):
        hidden = path in (_ATTRIBUTES, _CONSENT) and content[path] is not None
        if stamp != newest or hidden:
            earlier.setdefault(stamp, []).append(path)
    if earlier:
        content[_FIELD_TIMES] = [[*stamp, *paths] for stamp, paths in sorted(earlier.items(), reverse=True)]
    return content


def _marketing_consent(fields: Mapping[str, _Told]) -> bool | None:
    """Return whether the customer may be written to, None where that was not told, or a yes was cleared since."""
    said, cleared = fields.get(_MARKETING), fields.get(_CONSENT)
    if said is None or (said.value and cleared is not None and cleared.stamp > said.stamp):
        return None
    return bool(said.value)
