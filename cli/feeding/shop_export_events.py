"""The events of a shop's export for commands that read a file whole: `demo --source`, `rebaseline --from-events`."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cli.shop_exports.guesses.questions import QuestionsOpen
from events.base_error import ShoalError

if TYPE_CHECKING:
    from cli.shop_exports.cell_text.header_words import Kind
    from cli.shop_exports.shop_export import ShopExport

__all__ = ["KINDS", "ExportUnclear", "export_events", "is_event_file"]

KINDS: Final[dict[str, "Kind"]] = {"orders": "orders", "customers": "customers", "web-sessions": "sessions"}
"""The kind of export whose rows become events of a topic."""
_HEADER_BYTES: Final = 1 << 16


class ExportUnclear(ShoalError):
    """A file is a shop's export that can be read in several ways, and the command has no options to say which."""

    def __init__(self, path: Path, kind: str, asked: QuestionsOpen) -> None:
        questions = "\n\n".join(map(str, asked.questions))
        super().__init__(
            f"{path} can be read in several ways:\n\n{questions}\n\nSay which by `shoal import {kind} {path} --dry-run "
            f"--write-mapping shop.yaml` with these options, and then give --mapping shop.yaml here."
        )


def is_event_file(path: Path) -> bool:
    """Return whether a file holds Shoal's own events, as `shoal publish` takes them, and no shop's export."""
    suffix = path.suffix.lower()
    if suffix in (".jsonl", ".ndjson", ".json"):
        return True
    if suffix in (".parquet", ".pq"):
        import pyarrow.parquet as pq

        return "event_id" in pq.read_schema(path).names
    if suffix != ".csv":
        return False
    with path.open("rb") as file:
        header = file.readline(_HEADER_BYTES)
    return b"event_id" in header and b";" not in header


@contextmanager
def export_events(topic: str, path: Path, mapping: Path | None = None) -> "Iterator[ShopExport]":
    """Open the export in a file, whose events are those of a topic.

    Raises:
        ExportUnclear: it can be read in several ways.
        FileInvalid: it cannot be read.
    """
    from cli.shop_exports.mapping import Mapping
    from cli.shop_exports.open_export import open_export
    from cli.tables.file_sources import Spool
    from cli.tables.open_tables import open_tables

    kind = KINDS[topic]
    with Spool() as spool:
        try:
            export = open_export(kind, open_tables([str(path)], spool), Mapping(), mapping_file=mapping)
            export.require_answers()
        except QuestionsOpen as asked:
            raise ExportUnclear(path, kind, asked) from None
        yield export
