"""Derives a msgspec struct from each pydantic model, field by field, with the same constraints."""

import re
import types
import typing
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

import annotated_types
import msgspec
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic.types import StringConstraints

from events.schema.field_types import AMOUNT_PATTERN, INTEGRAL, MAX_AMOUNT

__all__ = ["bounds", "constraints", "struct_of"]


def struct_of(model: type[BaseModel], as_text: Sequence[str] = (), *, unset: bool = False) -> type[msgspec.Struct]:
    """Return the msgspec struct with the fields, defaults and constraints of a pydantic model.

    Fields named in `as_text` are kept as the text they have on the wire. With `unset`, what may be null is
    `msgspec.UNSET` where it is absent. Raises TypeError for an annotation that it
    cannot translate, so that a new field type is noticed at once.
    """
    fields: list[Any] = []
    for name, declared in model.model_fields.items():
        kind = str if name in as_text else _translate(declared.annotation, constraints(declared))
        if declared.is_required():
            fields.append((name, kind))
        elif unset and declared.get_default() is None:
            fields.append((name, kind | msgspec.UnsetType, msgspec.UNSET))
        else:
            fields.append((name, kind, declared.get_default()))
    return msgspec.defstruct(f"{model.__name__}Struct", fields, gc=False, kw_only=True)


def constraints(field: FieldInfo) -> list[Any]:
    """Return the constraints of a field, one by one."""
    flat: list[Any] = []
    for item in field.metadata:
        flat.extend(_flattened(item))
    return flat


def _flattened(item: Any) -> list[Any]:
    """Open what pydantic groups: StringConstraints and Field(ge=…, le=…) each hold several constraints."""
    if isinstance(item, FieldInfo):
        return [part for inner in item.metadata for part in _flattened(inner)]
    if isinstance(item, StringConstraints):
        return [item]
    if isinstance(item, annotated_types.GroupedMetadata):
        return list(item)
    return [item]


def _translate(annotation: Any, metadata: list[Any]) -> Any:
    origin = typing.get_origin(annotation)
    if origin is Annotated:
        inner, *more = typing.get_args(annotation)
        return _translate(inner, [part for item in more for part in _flattened(item)] + metadata)
    if origin in (typing.Union, types.UnionType):
        return typing.Union[tuple(_translate(arm, metadata) for arm in typing.get_args(annotation))]  # noqa: UP007
    if annotation is type(None) or annotation is Any or origin is Literal:
        return annotation
    if origin is list:
        return list[_translate(typing.get_args(annotation)[0], [])]  # type: ignore[misc]
    if origin is dict:
        key, value = typing.get_args(annotation)
        return dict[_translate(key, []), _translate(value, [])]  # type: ignore[misc]
    if isinstance(annotation, type):
        return _translate_class(annotation, metadata)
    raise TypeError(f"cannot derive a decoder for the annotation {annotation!r}")


def _translate_class(annotation: type, metadata: list[Any]) -> Any:
    if issubclass(annotation, BaseModel):
        return struct_of(annotation)
    if annotation is Decimal:
        number = Annotated[float, msgspec.Meta(ge=0, le=MAX_AMOUNT)]
        return number | Annotated[str, bounds([StringConstraints(pattern=AMOUNT_PATTERN)])]
    if annotation is datetime:
        return Annotated[datetime, msgspec.Meta(tz=True)]
    if annotation is int and INTEGRAL in metadata:
        meta = bounds(metadata)
        return Annotated[int, meta] | Annotated[float, meta, msgspec.Meta(multiple_of=1)]
    if annotation in (str, int, float, bool):
        meta = bounds(metadata)
        return Annotated[annotation, meta] if meta is not None else annotation
    raise TypeError(f"cannot derive a decoder for the type {annotation!r}")


def bounds(metadata: list[Any]) -> msgspec.Meta | None:
    """Collect the constraints that both libraries know: ge, le, min_length, max_length, pattern; None without any."""
    known: dict[str, Any] = {}
    for item in metadata:
        for name in ("ge", "le", "min_length", "max_length", "pattern"):
            value = getattr(item, name, None)
            if value is not None:
                # Python's $ also matches before a last line break; pydantic's does not.
                known[name] = re.sub(r"\$$", r"\\Z", value) if name == "pattern" else value
    return msgspec.Meta(**known) if known else None
