"""Assignment of customers to variants by a salted hash, whose formula is documented (docs/experiments.md)."""

import hashlib
from collections.abc import Sequence
from enum import StrEnum
from itertools import accumulate
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from experiments.definition import Experiment

__all__ = ["Assignment", "Unassigned", "assign", "assign_many", "hash_point"]

_UNITS: Final = 2.0**-53


class Unassigned(StrEnum):
    """Why a customer is not assigned."""

    SUPPRESSED = "suppressed"
    HOLDOUT = "holdout"
    NOT_TARGETED = "not_targeted"


class Assignment(NamedTuple):
    """The variant, or why there is none."""

    variant: str | None
    unassigned: Unassigned | None


def hash_point(salt: str, customer_id: str) -> float:
    """Return the customer's point in [0, 1) under a salt: the first 53 bits of SHA-256 of "salt:customer_id" in UTF-8.

    >>> hash_point("banner", "c42")
    0.5620448863743082
    """
    digest = hashlib.sha256(f"{salt}:{customer_id}".encode()).digest()
    return (int.from_bytes(digest[:8], "big") >> 11) * _UNITS


def assign(
    customer_id: str, experiment: Experiment, *, segment: str | None = None, suppressed: bool = False
) -> Assignment:
    """Return the variant of a customer, the same whenever and wherever it is computed.

    Suppressed customers, those in the holdout, and those whose current segment is not targeted get none, in this order.
    """
    if suppressed:
        return Assignment(None, Unassigned.SUPPRESSED)
    if experiment.holdout_share and hash_point(experiment.holdout_salt, customer_id) < experiment.holdout_share:
        return Assignment(None, Unassigned.HOLDOUT)
    if experiment.targeted_segments is not None and segment not in experiment.targeted_segments:
        return Assignment(None, Unassigned.NOT_TARGETED)
    place = np.searchsorted(_bounds(experiment), hash_point(experiment.assignment_salt, customer_id), side="right")
    return Assignment(experiment.variants[int(place)].name, None)


def assign_many(
    customer_ids: Sequence[str],
    experiment: Experiment,
    *,
    segments: Sequence[str | None] | None = None,
    suppressed: npt.NDArray[np.bool_] | None = None,
) -> npt.NDArray[np.int16]:
    """Return each customer's place in `experiment.variants`, or -1 for those who take no part; as `assign` would."""
    places = np.searchsorted(_bounds(experiment), _points(experiment.assignment_salt, customer_ids), side="right")
    out = np.zeros(len(customer_ids), dtype=bool) if suppressed is None else suppressed.copy()
    if experiment.holdout_share:
        out |= _points(experiment.holdout_salt, customer_ids) < experiment.holdout_share
    if experiment.targeted_segments is not None:
        targeted = frozenset(experiment.targeted_segments)
        held: Sequence[str | None] = [None] * len(customer_ids) if segments is None else segments
        out |= np.fromiter((segment not in targeted for segment in held), dtype=bool, count=len(customer_ids))
    return np.where(out, -1, places).astype(np.int16)


def _points(salt: str, customer_ids: Sequence[str]) -> npt.NDArray[np.float64]:
    start = hashlib.sha256(f"{salt}:".encode())
    heads = bytearray()
    for customer_id in customer_ids:
        digest = start.copy()
        digest.update(customer_id.encode())
        heads += digest.digest()[:8]
    return np.asarray((np.frombuffer(heads, dtype=">u8").astype(np.uint64) >> np.uint64(11)) * _UNITS)


def _bounds(experiment: Experiment) -> npt.NDArray[np.float64]:
    """Return where each variant but the last ends."""
    sums = list(accumulate(variant.weight for variant in experiment.variants))
    return np.array([each / sums[-1] for each in sums[:-1]])
