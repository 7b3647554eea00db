"""Derives from a pydantic model what the scanner (`events.codec.json_scan`) has to know: fields, kinds and bounds.

It goes by way of the model's msgspec struct, so that all three follow from the one schema.
"""

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final, NamedTuple

import msgspec.inspect as inspect
from pydantic import BaseModel

from events.schema.derived_structs import struct_of
from events.schema.field_types import AMOUNT_PATTERN, CURRENCY_PATTERN

__all__ = ["ABSENT", "Kind", "Name", "Node", "ScanPlan", "scan_plan_of"]

ABSENT: Final = -(1 << 63)
"""What a column of integers has where an optional field is missing or null."""
_NOT_KEPT: Final = -1


class Kind(IntEnum):
    """What a value is; the scanner has the same numbers."""

    TEXT = 0
    CHOICE = 1
    CODE = 2
    INTEGER = 3
    NUMBER = 4
    AMOUNT = 5
    INSTANT = 6
    OBJECT = 7
    LIST = 8


class Node(NamedTuple):
    """A kind of value with its bounds (characters of text, size of numbers), and the column that it is kept in.

    The `size` names from `first` on are an object's fields or a choice's texts; of a list, `first` is its items' node.
    """

    kind: Kind
    nullable: bool = False
    column: int = _NOT_KEPT
    low: float = 0.0
    high: float = 0.0
    first: int = 0
    size: int = 0


class Name(NamedTuple):
    """A field of an object, or a text of a choice (without a node)."""

    text: bytes
    node: int = 0
    required: bool = False


@dataclass(frozen=True)
class ScanPlan:
    """The nodes and names of a model; `columns` are the fields that are kept, `choices` the texts of some of them."""

    columns: tuple[str, ...]
    nodes: list[Node] = field(default_factory=list)
    names: list[Name] = field(default_factory=list)
    kinds: dict[str, Kind] = field(default_factory=dict)
    choices: dict[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def root(self) -> int:
        """The node of the whole value."""
        return len(self.nodes) - 1

    def add(self, node: Node) -> int:
        """Append a node and return its number."""
        self.nodes.append(node)
        return self.root

    def add_names(self, names: list[Name]) -> int:
        """Append names and return the number of the first."""
        self.names.extend(names)
        return len(self.names) - len(names)


def scan_plan_of(model: type[BaseModel], columns: tuple[str, ...]) -> ScanPlan:
    """Return the layout of a model whose fields in `columns` are kept. Raises TypeError for what is not scanned."""
    layout = ScanPlan(columns)
    described = inspect.type_info(struct_of(model))
    if not isinstance(described, inspect.StructType):
        raise TypeError(f"no value is scanned that is described as {described!r}")
    fields = {each.name: each.type for each in described.fields}
    for name in columns:
        node = _node(fields[name], ScanPlan(columns))
        layout.kinds[name] = node.kind
        if node.kind is Kind.CHOICE:
            layout.choices[name] = tuple(fields[name].values)  # type: ignore[attr-defined]
    layout.add(_object(described, layout, columns))
    return layout


def _object(described: inspect.StructType, layout: ScanPlan, columns: tuple[str, ...] = ()) -> Node:
    names = []
    for each in described.fields:
        node = _node(each.type, layout)
        if each.name in columns:
            node = node._replace(column=columns.index(each.name))
        names.append(Name(each.name.encode(), layout.add(node), each.required))
    return Node(Kind.OBJECT, first=layout.add_names(names), size=len(names))


def _node(described: inspect.Type, layout: ScanPlan) -> Node:
    match described:
        case inspect.UnionType(types):
            arms = [each for each in types if not isinstance(each, inspect.NoneType)]
            node = _node(arms[0], layout) if len(arms) == 1 else _amount(arms)
            return node._replace(nullable=len(arms) < len(types))
        case inspect.StructType():
            return _object(described, layout)
        case inspect.ListType(item):
            return Node(Kind.LIST, first=layout.add(_node(item, layout)))
        case inspect.LiteralType([int(only)]):
            return Node(Kind.INTEGER, low=only, high=only)
        case inspect.LiteralType(values):
            texts = [Name(str(value).encode()) for value in values]
            return Node(Kind.CHOICE, first=layout.add_names(texts), size=len(texts))
        case inspect.DateTimeType():
            return Node(Kind.INSTANT)
        case inspect.StrType(pattern=None):
            low, high = described.min_length or 0, described.max_length
            return Node(Kind.TEXT, low=low, high=float("inf") if high is None else high)
        case inspect.StrType(pattern=pattern) if pattern == _as_python(CURRENCY_PATTERN):
            return Node(Kind.CODE)
        case inspect.IntType(ge=low, le=high) if low is not None and high is not None:
            return Node(Kind.INTEGER, low=low, high=high)
        case inspect.FloatType(ge=low, le=high) if low is not None and high is not None:
            return Node(Kind.NUMBER, low=low, high=high)
        case _:
            raise TypeError(f"no value is scanned that is described as {described!r}")


def _amount(arms: list[inspect.Type]) -> Node:
    match arms:
        case [inspect.FloatType(), inspect.StrType(pattern=pattern)] if pattern == _as_python(AMOUNT_PATTERN):
            return Node(Kind.AMOUNT)
        case _:
            raise TypeError(f"no value is scanned that is one of {arms!r}")


def _as_python(pattern: str) -> str:
    return pattern.removesuffix("$") + r"\Z"
