"""From tables and what was said about them to an export, by a preset, a mapping file and options."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from cli.formats.file_invalid import FileInvalid
from cli.shop_exports.cell_text.header_words import Kind
from cli.shop_exports.joined_tables import JOINED, join_tables, recognised_data_set
from cli.shop_exports.mapping import Mapping, check_fields, load_mapping, load_preset, recognised_preset
from cli.shop_exports.shop_export import ShopExport
from cli.tables.table import Table
from consumers.inputs.bounds import EventBounds
from consumers.settings import ConsumerSettings
from events.base_error import ShoalError

__all__ = ["NothingUsable", "open_export", "write_mapping"]

_NO_PRESET: Final = "none"


class NothingUsable(ShoalError):
    """No row of an export became an event."""


def open_export(
    kind: Kind,
    tables: Sequence[Table],
    said: Mapping,
    *,
    preset: str | None = None,
    mapping_file: Path | None = None,
    bounds: EventBounds | None = None,
    seen: Callable[[Table], None] = lambda table: None,
) -> ShopExport:
    """Return an export whose columns have been looked at; what is open is in its `questions`.

    Options go before a mapping file, and that before a preset. Without both, the preset is found by the columns.

    Raises:
        FileInvalid: a file cannot be read, a preset does not exist, a column that was named is not there.
    """
    check_fields(said, kind, "--map")
    mapping = said
    if mapping_file is not None:
        mapping = said.over(load_mapping(mapping_file, kind))
    if preset is None and mapping_file is None:
        preset = recognised_data_set(tables) or recognised_preset(tables[0].columns, kind)
    if preset not in (None, _NO_PRESET):
        mapping = mapping.over(load_preset(preset, kind))
    if mapping.preset in JOINED:
        tables = join_tables(mapping.preset, kind, tables, mapping)
    bounds = EventBounds.from_settings(ConsumerSettings()) if bounds is None else bounds
    return ShopExport(kind, tables, mapping, bounds, named=list(said.columns), seen=seen)


def write_mapping(export: ShopExport, path: Path) -> None:
    """Write what is known of an export as a mapping file. Raises FileInvalid where it is there already."""
    columns = {name: (column,) for part in export.parts for name, column in part.reading.columns.items()}
    first = export.parts[0].reading
    statuses = {word: meaning for part in export.parts for word, meaning in part.reading.meanings.items()}
    settled = Mapping.model_validate(
        {
            "columns": columns,
            "decimal": first.mark,
            "order_rows": first.order_rows if export.kind == "orders" and not export.questions else None,
            "statuses": statuses,
            "currency": first.currency,
            "date_format": next(iter(set(first.date_orders.values())), None)
            if len(set(first.date_orders.values())) == 1
            else None,
        }
    )
    text = f"# A mapping for `shoal import {export.kind} --mapping {path.name}`; see docs/imports.md.\n"
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text + export.mapping.over(settled).to_yaml())
    except FileExistsError:
        raise FileInvalid(str(path), "", "is there already; remove it, or choose another place") from None
    except OSError as error:
        raise FileInvalid(str(path), "", f"cannot be written: {error.strerror}") from error
