"""Cells of a table as the values of an event's fields: a table has fewer types than JSON."""

import json
import math
import re
import types
import typing
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel

__all__ = ["CellConverter", "Kind", "kind_of"]

Kind = Literal["text", "whole", "number", "nested"]

_WHOLE: Final = re.compile(r"[+-]?[0-9]{1,18}(\.0+)?")
_NUMBER: Final = re.compile(r"[+-]?[0-9]+(\.[0-9]*)?([eE][+-]?[0-9]+)?")


def kind_of(annotation: Any) -> Kind:
    """Return how a cell of a field with this type is written; money and instants are text.

    >>> kind_of(int | None), kind_of(dict[str, float | str] | None), kind_of(Literal["placed", "refunded"])
    ('whole', 'nested', 'text')
    """
    origin = typing.get_origin(annotation)
    if origin is Annotated:
        return kind_of(typing.get_args(annotation)[0])
    if origin in (typing.Union, types.UnionType):
        return kind_of(next(arm for arm in typing.get_args(annotation) if arm is not types.NoneType))
    if origin is Literal:
        return "whole" if all(isinstance(value, int) for value in typing.get_args(annotation)) else "text"
    if origin in (list, dict) or (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
        return "nested"
    plain: dict[Any, Kind] = {int: "whole", float: "number"}
    return plain.get(annotation, "text")


class CellConverter:
    """Converts the rows of a table into objects that can be validated as events of a model.

    A cell that does not have its field's kind is left as it is, for the model to say what is wrong with it.

    >>> from events.schema.inputs import CustomerProfile
    >>> convert = CellConverter(CustomerProfile)
    >>> convert({"age": "34", "city": "", "consent": '{"marketing": true}', "income": 52000.0, "gender": None})
    {'age': 34, 'consent': {'marketing': True}, 'income': 52000.0}
    """

    def __init__(self, model: type[BaseModel]) -> None:
        converters: dict[Kind, Callable[[Any], Any]] = {"whole": _whole, "number": _number, "nested": _nested}
        kinds = {name: kind_of(field.annotation) for name, field in model.model_fields.items()}
        self._converters = {name: converters[kind] for name, kind in kinds.items() if kind in converters}
        self._fields = kinds.keys()

    def __call__(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """Return the fields that are present: an empty cell, null and NaN are absent.

        Raises:
            ValueError: a nested cell is not JSON.
        """
        values: dict[str, Any] = {}
        for name, cell in row.items():
            if name not in self._fields or _absent(cell):
                continue
            convert = self._converters.get(name)
            try:
                values[name] = convert(cell) if convert else cell
            except ValueError as error:
                raise ValueError(f"{name}: {error}, found {cell[:60]!r}") from None
        return values


def _absent(cell: Any) -> bool:
    return cell is None or cell == "" or (isinstance(cell, float) and math.isnan(cell))


def _whole(cell: Any) -> Any:
    if isinstance(cell, str) and _WHOLE.fullmatch(cell):
        return int(cell.partition(".")[0])
    return int(cell) if isinstance(cell, float) and cell.is_integer() else cell


def _number(cell: Any) -> Any:
    return float(cell) if isinstance(cell, str) and _NUMBER.fullmatch(cell) else cell


def _nested(cell: Any) -> Any:
    if not isinstance(cell, str):
        return _without_nulls(cell)
    try:
        return json.loads(cell)
    except (ValueError, RecursionError):
        raise ValueError("should be JSON") from None


def _without_nulls(value: Any) -> Any:
    """Leave out the nulls with which Parquet fills the fields that one of a list of objects lacks."""
    if isinstance(value, dict):
        return {name: _without_nulls(inner) for name, inner in value.items() if inner is not None}
    return [_without_nulls(inner) for inner in value] if isinstance(value, list) else value
