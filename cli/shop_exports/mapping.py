"""What is known about an export before it is read: by a preset, a mapping file, and the options of the command."""

from collections.abc import Collection
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from cli.formats.file_invalid import FileInvalid
from cli.shop_exports.cell_text.header_words import ATTRIBUTE, Kind, fields_of
from cli.shop_exports.cell_text.status_words import Meaning, plain_status

__all__ = ["PRESETS", "Mapping", "OrderRows", "check_fields", "load_mapping", "load_preset", "recognised_preset"]

OrderRows = Literal["each", "first", "same", "sum"]
"""What the rows of one order are: events of their own (the latest counts); details below a first row that has the
amount; repeats of the same amount; lines whose amounts add up."""

_SIGNATURE: Final = "recognised_by"
_FOLDER: Final = Path(__file__).parent / "presets"
PRESETS: Final = (
    "ga4",
    "instacart",
    "magento",
    "olist",
    "online-retail-2",
    "rees46",
    "shopify",
    "stripe",
    "woocommerce",
)


def _listed(value: Any) -> Any:
    return (value,) if isinstance(value, str | int | float | bool) else value


def _plain_words(value: Any) -> Any:
    return {plain_status(str(word)): meaning for word, meaning in value.items()} if isinstance(value, dict) else value


Names = Annotated[tuple[str, ...], BeforeValidator(_listed)]


class Mapping(BaseModel):
    """Which columns the fields are in, and what the cells mean. A preset and a mapping file have this form.

    `columns` has for each field the header of its column, or several, the first that the file has being taken.
    `only` keeps the rows whose cell of a column is one of some values.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    preset: str | None = None
    columns: dict[str, Names] = Field(default_factory=dict)
    currency: str | None = Field(None, pattern=r"^[A-Z]{3}$")
    date_format: str | None = None
    zone: str | None = None
    decimal: Literal[".", ","] | None = None
    order_rows: OrderRows | None = None
    repeated_hour: Literal["first", "second"] | None = None
    statuses: Annotated[dict[str, Meaning], BeforeValidator(_plain_words)] = Field(default_factory=dict)
    only: dict[str, Names] = Field(default_factory=dict)
    refund_prefix: str = Field("", description="what the order_id of a credit note begins with")
    first_day: str | None = Field(None, description="the day on which relative times begin, YYYY-MM-DD")
    as_of: str | None = Field(None, description="when profiles without a time of their own were exported")

    def over(self, other: Self) -> Self:
        """Return this mapping where it says something, the other where it does not; words are added to words."""
        mine, theirs = self.model_dump(exclude_unset=True), other.model_dump(exclude_unset=True)
        joined = {
            name: theirs.get(name, {}) | mine.get(name, {})
            for name in ("columns", "statuses", "only")
            if name in mine or name in theirs
        }
        return type(self).model_validate(theirs | {k: v for k, v in mine.items() if v is not None} | joined)

    def to_yaml(self) -> str:
        """Return it as a mapping file."""
        document = self.model_dump(exclude_defaults=True, mode="json")
        document["columns"] = {
            field: names[0] if len(names) == 1 else list(names) for field, names in document.get("columns", {}).items()
        }
        return yaml.safe_dump(document, sort_keys=False, allow_unicode=True)


def load_preset(name: str, kind: Kind) -> Mapping:
    """Return what is known of the exports of a program. Raises FileInvalid for another name, or another kind."""
    if name not in PRESETS:
        raise FileInvalid("--preset", "", f"there is no preset {name!r}; there are {', '.join(PRESETS)}")
    document = _preset_document(name)
    if kind not in document:
        raise FileInvalid("--preset", "", f"{name} has no {kind}; it has {', '.join(document)}")
    return Mapping.model_validate(_without_signature(document[kind]) | {"preset": name})


def recognised_preset(columns: Collection[str], kind: Kind) -> str | None:
    """Return the preset whose own columns a table has; None where there is none."""
    for name in PRESETS:
        signature = _preset_document(name).get(kind, {}).get(_SIGNATURE)
        if signature and set(signature) <= set(columns):
            return name
    return None


def _preset_document(name: str) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((_FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))
    return document


def _without_signature(preset: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in preset.items() if key != _SIGNATURE}


def load_mapping(path: Path, kind: Kind) -> Mapping:
    """Return the mapping of a file in YAML, on top of the preset that it names. Raises FileInvalid."""
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeError, yaml.YAMLError) as error:
        raise FileInvalid(str(path), "", f"cannot be read as YAML: {error}") from error
    try:
        mapping = Mapping.model_validate(document)
    except ValidationError as error:
        raise FileInvalid(str(path), "", _worded(error)) from error
    check_fields(mapping, kind, str(path))
    return mapping.over(load_preset(mapping.preset, kind)) if mapping.preset else mapping


def check_fields(mapping: Mapping, kind: Kind, where: str) -> None:
    """Raise FileInvalid where a column is mapped to what is no field."""
    for field in mapping.columns:
        if field not in fields_of(kind) and not (kind == "customers" and field.startswith(ATTRIBUTE)):
            own = f"; an attribute of your own is {ATTRIBUTE}NAME" if kind == "customers" else ""
            raise FileInvalid(
                where, "", f"{field!r} is no field of {kind}; the fields are {', '.join(fields_of(kind))}{own}"
            )


def _worded(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    return f"{'.'.join(map(str, first['loc'])) or 'the mapping'}: {first['msg']}, found {str(first['input'])[:60]!r}"
