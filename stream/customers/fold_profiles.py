"""Folds profiles into customers: field by field, with what is kept of each customer already."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np

from consumers.inputs.customers import ProfileColumns
from events.arrays import Ints
from events.codec.instants import instants_ms
from state.customers.profile_documents import Profile, merged, read_profiles
from state.customers.records import PROFILE_NUMBERS, Rows, blank_rows

__all__ = ["FoldedProfiles", "fold_profiles", "kept_profiles"]

_LARGEST: Final = float(np.finfo(np.float32).max)


class FoldedProfiles(NamedTuple):
    """What m profiles make of n customers: `rows` (n,), and the profile to keep by the customer's position."""

    rows: Rows
    documents: dict[int, bytes]


def fold_profiles(
    profiles: ProfileColumns,
    slots: Ints,
    n: int,
    attributes: Sequence[str] = (),
    kept: Mapping[int, bytes] | None = None,
) -> FoldedProfiles:
    """Fold profiles (m,) into those that are `kept`; `attributes` name the columns beside age and income."""
    before = kept or {}
    told = {place: [profile] for place, profile in zip(before, read_profiles(before.values()), strict=True)}
    stamps = zip(profiles.times.tolist(), profiles.event_hashes.tolist(), strict=True)
    for place, profile in zip(slots.tolist(), read_profiles(profiles.documents, stamps), strict=True):
        told.setdefault(place, []).append(profile)
    changed = np.unique(slots)
    return kept_profiles({place: merged(told[place]) for place in changed.tolist()}, n, attributes)


def kept_profiles(profiles: Mapping[int, Profile], n: int, attributes: Sequence[str] = ()) -> FoldedProfiles:
    """Return the rows (n,) and the documents of profiles by their customers' positions."""
    changed, found = np.array(list(profiles), np.int64), list(profiles.values())
    rows = blank_rows(n)
    rows["profile_at"][changed] = [each.stamp[0] for each in found]
    rows["profile_event"][changed] = np.array([each.stamp[1] for each in found], np.uint64)
    signed_up = [each.content.get("signed_up_at") for each in found]
    known = np.array([text is not None for text in signed_up], np.bool_)
    rows["signed_up"][changed[known]] = instants_ms([text for text in signed_up if text is not None])[0]
    names = attributes[: PROFILE_NUMBERS - 2]
    numbers = np.array([_numbers(each.content, names) for each in found], np.float32)
    rows["profile_numbers"][changed, : 2 + len(names)] = numbers.reshape(len(found), 2 + len(names))
    documents = (each.document() for each in found)
    return FoldedProfiles(rows, dict(zip(changed.tolist(), documents, strict=True)))


def _numbers(content: Mapping[str, Any], names: Sequence[str]) -> list[float]:
    """Return age, income and these attributes, NaN where there is no number, or one that a record has no room for."""
    attributes = content.get("attributes") or {}
    return [
        float(value)
        if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= _LARGEST
        else float("nan")
        for value in (content.get("age"), content.get("income"), *map(attributes.get, names))
    ]
