"""`shoal export segments`: every customer with segment and figures, for Tableau and other BI tools."""

import csv
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.local.service_addresses import KafkaOption, RedisOption, kafka_settings, state_settings
from cli.printing.output import JsonOption, print_json, tables
from cli.printing.spreadsheet_formulas import GuardOption, guard_text
from cli.printing.table_file import check_suffix, write_whole

if TYPE_CHECKING:
    import redis as redis_py

    from batch.data.segment_export import Column
    from events.schema.outputs import Baseline

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("segments", epilog="Example: `shoal export segments --to segments.parquet`")(segments)


def segments(
    to: Annotated[Path, typer.Option(help="File to write: .parquet or .csv.", dir_okay=False)],
    guard_formulas: GuardOption = True,
    kafka: KafkaOption = None,
    redis: RedisOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write every customer with segment, recency, frequency, spend, lifetime value and profile, one row each.

    The columns are always the same, in the same order; the shop's own profile attributes come last. Beside the file,
    <name>.columns.csv says what each column holds.
    """
    import pyarrow as pa

    from queries.customers.lifetime_value import missing_models_reason
    from state.model.baselines import BaselineStore
    from state.store.connection import connect

    check_suffix(to)
    client = connect(state_settings(redis).redis)
    baseline = BaselineStore(client).current()
    columns, parts = _read(client, baseline, kafka, redis)
    to.parent.mkdir(parents=True, exist_ok=True)
    rows = write_whole(to, pa.schema([(each.name, each.kind) for each in columns]), parts, guard=guard_formulas)
    dictionary = _write_dictionary(to, columns, guard=guard_formulas)
    reason = missing_models_reason(baseline)
    if as_json:
        names = [each.name for each in columns]
        found = {"file": str(to), "rows": rows, "columns": names, "dictionary": str(dictionary)}
        print_json(found | {"no_lifetime_value": reason or None})
        return
    tables().print(f"{rows:,} customers in {to}, columns in {dictionary}", highlight=False, soft_wrap=True)
    if reason:
        tables().print(f"lifetime value is empty: {reason}", highlight=False, soft_wrap=True)


def _read(
    client: "redis_py.Redis", baseline: "Baseline | None", kafka: str | None, redis: str | None
) -> "tuple[list[Column], Iterator[Any]]":
    from batch.data.crm_profiles import join_profiles
    from batch.data.customer_reader import CustomerReader
    from batch.data.segment_export import export_columns, export_table
    from batch.lifetime.lifetime_models import LifetimeModels
    from queries.segments.segment_names import segment_names
    from state.customers.attribute_columns import stored_attributes
    from stream.customers.wall_or_event_time import SegmentClock
    from stream.settings import StreamSettings
    from stream.worker_wiring import half_life_ms

    stream, partitions = StreamSettings(), kafka_settings(kafka).partitions
    attributes = stored_attributes(client)
    reader = CustomerReader(
        client,
        SegmentClock(stream.clock, stream.replay_days),
        partitions=partitions,
        half_life_ms=half_life_ms(state_settings(redis)),
        attributes=attributes,
    )
    names = segment_names(baseline)
    models = LifetimeModels.of(baseline.lifetime) if baseline and baseline.lifetime else None

    def parts() -> Iterator[Any]:
        for chunk in reader.chunks():
            profiles = join_profiles(client, chunk.ids.tolist(), partitions)
            yield export_table(replace(chunk, profiles=profiles), names, models)

    return export_columns(attributes), parts()


def _write_dictionary(path: Path, columns: "list[Column]", *, guard: bool) -> Path:
    beside = path.with_suffix(".columns.csv")
    with beside.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["column", "type", "description"])
        rows = ([each.name, str(each.kind), each.description] for each in columns)
        writer.writerows([guard_text(cell) for cell in row] if guard else row for row in rows)
    return beside
