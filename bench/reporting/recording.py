"""Put the figures of a benchmark with a command of its own beside the others."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from bench.reporting.result_tables import markdown
from bench.reporting.results_file import merge, read_results, write_results

__all__ = ["RESULTS", "record"]

RESULTS: Final = Path(__file__).parents[1] / "results.json"


def record(
    parts: Mapping[str, dict[str, Any]],
    machine: Mapping[str, Any],
    measured: Mapping[str, str],
    path: Path = RESULTS,
) -> dict[str, Any]:
    """Merge parts into results.json, write RESULTS.md beside it anew, and return the whole.

    `machine` is as `describe_machine` returned it before the measurement, `measured` as `stamp`.
    """
    document = merge(read_results(path), machine, measured, parts)
    write_results(path, document)
    path.with_name("RESULTS.md").write_text(markdown(document))
    return document
