"""Cells of a table as the values of an event's fields: a table has fewer types than JSON."""

import json
import math
import re
import types
import typing
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel

__all__ = ["CellConverter", "Kind", "column_kind", "kind_of"]

Kind = Literal["text", "whole", "number", "truth", "nested", "any"]

_WHOLE: Final = re.compile(r"[+-]?[0-9]{1,18}(\.0+)?")
_NUMBER: Final = re.compile(r"[+-]?[0-9]+(\.[0-9]*)?([eE][+-]?[0-9]+)?")


def kind_of(annotation: Any) -> Kind:
    """Return how a cell of a field with this type is written; money and instants are text.

    >>> kind_of(int | None), kind_of(dict[str, float | str] | None), kind_of(Literal["placed", "refunded"])
    ('whole', 'nested', 'text')
    """
    annotation = _bare(annotation)
    origin = typing.get_origin(annotation)
    if origin is Literal:
        return "whole" if all(isinstance(value, int) for value in typing.get_args(annotation)) else "text"
    if origin in (list, dict) or (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
        return "nested"
    plain: dict[Any, Kind] = {int: "whole", float: "number", bool: "truth", Any: "any"}
    return plain.get(annotation, "text")


def _bare(annotation: Any) -> Any:
    """Return a type without its constraints and without null."""
    origin = typing.get_origin(annotation)
    if origin is Annotated:
        return _bare(typing.get_args(annotation)[0])
    if origin in (typing.Union, types.UnionType):
        return _bare(next(arm for arm in typing.get_args(annotation) if arm is not types.NoneType))
    return annotation


def column_kind(model: type[BaseModel], column: str) -> Kind | None:
    """Return how the cells of a column are written: a field's, or a nested one's by its dotted name; None of no field.

    >>> from events.schema.inputs import CustomerProfile
    >>> [column_kind(CustomerProfile, each) for each in ("age", "consent.marketing", "attributes.nps", "note")]
    ['whole', 'truth', 'any', None]
    """
    name, dot, inner = column.partition(".")
    if name not in model.model_fields or (dot and not inner):
        return None
    annotation = _bare(model.model_fields[name].annotation)
    if not dot:
        return kind_of(annotation)
    if typing.get_origin(annotation) is dict:
        return kind_of(typing.get_args(annotation)[1])
    is_model = isinstance(annotation, type) and issubclass(annotation, BaseModel)
    return column_kind(annotation, inner) if is_model else None


class CellConverter:
    """Converts the rows of a table into objects that can be validated as events of a model.

    A column with a dotted name is a field of a nested object. Cells of columns that name no field are left out. A cell
    that does not have its field's kind is left as it is, for the model to say what is wrong with it.

    >>> from events.schema.inputs import CustomerProfile
    >>> convert = CellConverter(CustomerProfile)
    >>> convert({"age": "34", "city": "", "consent": '{"marketing": true}', "income": 52000.0, "gender": None})
    {'age': 34, 'consent': {'marketing': True}, 'income': 52000.0}
    >>> convert({"consent.marketing": "false", "attributes.nps": "9", "attributes.tier": "gold"})
    {'consent': {'marketing': False}, 'attributes': {'nps': 9, 'tier': 'gold'}}
    """

    def __init__(self, model: type[BaseModel]) -> None:
        self._model = model
        self._kinds: dict[str, Kind | None] = {}

    def __call__(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """Return the fields that are present: an empty cell, null and NaN are absent.

        Raises:
            ValueError: a nested cell is not JSON.
        """
        values: dict[str, Any] = {}
        for name, cell in row.items():
            kind = self._kind(name)
            if kind is None or _absent(cell):
                continue
            convert = _CONVERTERS.get(kind)
            try:
                value = convert(cell) if convert else cell
            except ValueError as error:
                raise ValueError(f"{name}: {error}, found {cell[:60]!r}") from None
            _put(values, name, value)
        return values

    def _kind(self, name: str) -> Kind | None:
        if name not in self._kinds:
            self._kinds[name] = column_kind(self._model, name)
        return self._kinds[name]


def _absent(cell: Any) -> bool:
    return cell is None or cell == "" or (isinstance(cell, float) and math.isnan(cell))


def _whole(cell: Any) -> Any:
    if isinstance(cell, str) and _WHOLE.fullmatch(cell):
        return int(cell.partition(".")[0])
    return int(cell) if isinstance(cell, float) and cell.is_integer() else cell


def _number(cell: Any) -> Any:
    return float(cell) if isinstance(cell, str) and _NUMBER.fullmatch(cell) else cell


def _truth(cell: Any) -> Any:
    return {"true": True, "false": False}.get(cell.strip().lower(), cell) if isinstance(cell, str) else cell


def _any(cell: Any) -> Any:
    """Read a whole number, a number, true or false; anything else is text, and so is 0042, which may be a code."""
    if not isinstance(cell, str) or re.match(r"[+-]?0[0-9]", cell):
        return cell
    return _truth(_number(_whole(cell)))


def _put(values: dict[str, Any], column: str, value: Any) -> None:
    """Set a field, in the object that a dotted name says; what is beside it stays."""
    name, dot, inner = column.partition(".")
    outer = values.get(name)
    if not dot:
        values[name] = value | outer if isinstance(value, dict) and isinstance(outer, dict) else value
    else:
        values[name] = (outer if isinstance(outer, dict) else {}) | {inner: value}


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


_CONVERTERS: Final[dict[Kind, Callable[[Any], Any]]] = {
    "whole": _whole,
    "number": _number,
    "truth": _truth,
    "nested": _nested,
    "any": _any,
}
