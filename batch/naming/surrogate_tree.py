"""A rule for each segment that a person can read, from a small decision tree that imitates the model."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from sklearn.tree import DecisionTreeClassifier

from events.arrays import Floats, Ints

__all__ = ["SegmentRule", "Surrogate", "fit_surrogate"]


_SAMPLE: Final = 50_000
_DEPTH: Final = 5
_SMALLEST: Final = 0.005


@dataclass(frozen=True)
class SegmentRule:
    """The tree's largest leaf of a segment, in words; how many of the segment it covers, and how many in it belong."""

    text: str
    coverage: float
    precision: float


@dataclass(frozen=True)
class Surrogate:
    """The rules (one a segment) and the share of customers for whom the tree says the same segment as the model."""

    rules: tuple[SegmentRule, ...]
    fidelity: float


def fit_surrogate(
    matrix: Floats,
    labels: Ints,
    k: int,
    features: Sequence[str],
    to_unit: Sequence[Callable[[Floats], Floats]],
    seed: int,
) -> Surrogate:
    """Return the rules of k segments of customers (n, d; NaN where missing) with labels (n,), -1 for none.

    `features` are what the d features are called in the rules.

    The tree splits the raw features, so its thresholds can be shown in the units that people read (`to_unit`). It is
    learned from one half of at most 50,000 customers and its fidelity measured on the other: M. Craven, J. Shavlik,
    "Extracting Tree-Structured Representations of Trained Networks", NIPS 1995.
    """
    placed = np.flatnonzero(labels >= 0)
    placed = np.random.default_rng(seed).permutation(placed)[:_SAMPLE]
    half = max(1, len(placed) // 2)
    learned, tested = placed[:half], placed[half:] if len(placed) > 1 else placed
    tree = DecisionTreeClassifier(
        max_depth=max(_DEPTH, int(np.ceil(np.log2(max(k, 2)))) + 2), min_samples_leaf=_SMALLEST, random_state=seed
    )
    tree.fit(matrix[learned], labels[learned])
    fidelity = float((tree.predict(matrix[tested]) == labels[tested]).mean())
    leaves = tree.apply(matrix[placed])
    rules = [_rule(tree, leaves, labels[placed], segment, features, to_unit) for segment in range(k)]
    return Surrogate(tuple(rules), fidelity)


def _rule(
    tree: DecisionTreeClassifier,
    leaves: Ints,
    labels: Ints,
    segment: int,
    features: Sequence[str],
    to_unit: Sequence[Callable[[Floats], Floats]],
) -> SegmentRule:
    """Return the leaf that holds most of a segment's members among those in which they are the majority, or of all."""
    mine = labels == segment
    if not mine.any():
        return SegmentRule("too few customers for a rule", 0.0, 0.0)
    found, members = np.unique(leaves[mine], return_counts=True)
    sizes = np.array([(leaves == leaf).sum() for leaf in found])
    best = int(np.argmax(np.where(2 * members >= sizes, members, members / 1e9)))
    text = _in_words(_bounds(tree, int(found[best]), len(features)), features, to_unit)
    return SegmentRule(text, float(members[best] / mine.sum()), float(members[best] / sizes[best]))


def _bounds(tree: DecisionTreeClassifier, leaf: int, d: int) -> Floats:
    """Return the open interval (d, 2) of each feature on the way to a leaf."""
    nodes = tree.tree_
    bounds = np.column_stack([np.full(d, -np.inf), np.full(d, np.inf)])
    parents = {int(child): node for node in range(nodes.node_count) for child in _children(nodes, node)}
    while leaf in parents:
        parent = parents[leaf]
        feature, threshold = int(nodes.feature[parent]), float(nodes.threshold[parent])
        side = 1 if leaf == nodes.children_left[parent] else 0
        closer = min if side else max
        bounds[feature, side] = closer(bounds[feature, side], threshold)
        leaf = parent
    return bounds


def _children(nodes: object, node: int) -> tuple[int, ...]:
    left, right = nodes.children_left[node], nodes.children_right[node]  # type: ignore[attr-defined]
    return () if left < 0 else (left, right)


def _in_words(bounds: Floats, features: Sequence[str], to_unit: Sequence[Callable[[Floats], Floats]]) -> str:
    said = []
    for feature, (low, high), unit in zip(features, bounds.tolist(), to_unit, strict=True):
        least, most = (_number(float(unit(np.array([bound]))[0])) for bound in (low, high))
        if np.isfinite(low) and np.isfinite(high):
            said.append(f"{feature} between {least} and {most}")
        elif np.isfinite(low):
            said.append(f"{feature} above {least}")
        elif np.isfinite(high):
            said.append(f"{feature} at most {most}")
    return " and ".join(said) or "everybody"


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
