"""Sums of feature vectors by cluster: the part of the model that a set of customers contributes."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from events.arrays import Floats, Ints

__all__ = ["ModelSums"]


@dataclass(frozen=True)
class ModelSums:
    """Sufficient statistics of k clusters in d features; they add up over customers and over partitions.

    `sums` (k, d) adds the members' standardised features; `weights` (k, d) counts the members that have the feature
    (a customer without orders has no recency); `counts` (k,) counts the members.

    >>> one = ModelSums.zeros(2, 1).plus(np.array([[2.0], [4.0]]), np.array([1, 1]))
    >>> (one + one).means(np.zeros((2, 1))).tolist()
    [[0.0], [3.0]]
    """

    sums: Floats
    weights: Ints
    counts: Ints

    @classmethod
    def zeros(cls, k: int, d: int) -> Self:
        """Return the sums of no customers."""
        return cls(np.zeros((k, d)), np.zeros((k, d), np.int64), np.zeros(k, np.int64))

    @classmethod
    def of(cls, vectors: Floats, labels: npt.NDArray[np.integer], k: int) -> Self:
        """Return the sums of n vectors (n, d), NaN where missing, with their cluster labels (n,)."""
        d = vectors.shape[1]
        present = ~np.isnan(vectors)
        filled = np.where(present, vectors, 0.0)
        columns = [np.bincount(labels, filled[:, j], k) for j in range(d)]
        weights = [np.bincount(labels, present[:, j], k) for j in range(d)]
        return cls(
            np.stack(columns, axis=1) if d else np.zeros((k, 0)),
            np.stack(weights, axis=1).astype(np.int64) if d else np.zeros((k, 0), np.int64),
            np.bincount(labels, minlength=k).astype(np.int64),
        )

    def split(self, parts: int) -> list["ModelSums"]:
        """Return equal parts: of clusters 0 to k-1, of the next k, and so on."""
        pieces = (np.split(each, parts) for each in (self.sums, self.weights, self.counts))
        return [ModelSums(*part) for part in zip(*pieces, strict=True)]

    def __add__(self, other: "ModelSums") -> "ModelSums":
        return ModelSums(self.sums + other.sums, self.weights + other.weights, self.counts + other.counts)

    def __sub__(self, other: "ModelSums") -> "ModelSums":
        return ModelSums(self.sums - other.sums, self.weights - other.weights, self.counts - other.counts)

    def plus(self, vectors: Floats, labels: npt.NDArray[np.integer]) -> "ModelSums":
        """Return the sums with these vectors added."""
        return self + ModelSums.of(vectors, labels, len(self.counts))

    def minus(self, vectors: Floats, labels: npt.NDArray[np.integer]) -> "ModelSums":
        """Return the sums with these vectors, which were added before, taken out again."""
        return self - ModelSums.of(vectors, labels, len(self.counts))

    def means(self, otherwise: Floats) -> Floats:
        """Return the centroids (k, d); where no member has the feature, the value of `otherwise`."""
        return np.where(self.weights > 0, self.sums / np.maximum(self.weights, 1), otherwise)

    def to_fields(self) -> dict[str, bytes]:
        """Return the fields of the `model:{p}` hash."""
        return {
            "shape": b"%d,%d" % self.sums.shape,
            "sums": self.sums.astype("<f8").tobytes(),
            "weights": self.weights.astype("<i8").tobytes(),
            "counts": self.counts.astype("<i8").tobytes(),
        }

    @classmethod
    def from_fields(cls, fields: dict[bytes, bytes]) -> Self:
        """Read the fields of the `model:{p}` hash."""
        k, d = (int(part) for part in fields[b"shape"].split(b","))
        return cls(
            np.frombuffer(fields[b"sums"], "<f8").reshape(k, d).copy(),
            np.frombuffer(fields[b"weights"], "<i8").reshape(k, d).copy(),
            np.frombuffer(fields[b"counts"], "<i8").copy(),
        )
