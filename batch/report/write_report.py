"""Write a baseline's report into a folder."""

import json
from pathlib import Path

from batch.report.html_page import report_page
from events.base_error import ShoalError
from events.schema.outputs import Baseline

__all__ = ["ReportMissing", "write"]


class ReportMissing(ShoalError):
    """A baseline has no report, or no longer."""


def write(folder: Path, baseline: Baseline, document: bytes | None) -> list[Path]:
    """Write `report.html` (opens offline) and `report.json`, and return their paths.

    `document` is what `report_document` returned, as JSON. Raises ReportMissing where there is none, OSError.
    """
    if document is None:
        raise ReportMissing(
            f"baseline {baseline.baseline} has no report: it was fitted by an older release, or more than 90 days ago; "
            "`shoal rebaseline --report FOLDER` writes one of a new proposal"
        )
    facts = json.loads(document)
    folder.mkdir(parents=True, exist_ok=True)
    page, figures = folder / "report.html", folder / "report.json"
    page.write_text(report_page(baseline, facts), encoding="utf-8")
    whole = {"baseline": baseline.model_dump(mode="json"), **facts}
    figures.write_text(json.dumps(whole, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return [page, figures]
