"""Print a baseline, as JSON or for people, and write its report."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli.printing.output import tables

if TYPE_CHECKING:
    from events.schema.outputs import Baseline

__all__ = ["baseline_document", "show_baseline", "write_report"]


def baseline_document(baseline: "Baseline") -> dict[str, Any]:
    """Return a baseline as `shoal rebaseline --json` and `shoal baselines show --json` print it."""
    from batch.identity.move_preview import moved_share

    return {
        "baseline": baseline.baseline,
        "status": baseline.status,
        "k": baseline.k,
        "algorithm": baseline.algorithm,
        "silhouette": baseline.silhouette,
        "inertia": baseline.inertia,
        "segments": [
            {
                "segment_id": each.segment_id,
                "segment": each.segment,
                "customers": each.customers,
                "share": round(each.customers / max(1, sum(one.customers for one in baseline.segments)), 4),
                "profile": {name: round(value, 4) for name, value in each.profile.items()},
            }
            for each in baseline.segments
        ],
        "features": baseline.features,
        "reason": baseline.reason,
        "customers": baseline.customers,
        "moved_share": round(moved_share(baseline.moves), 4),
        "lineage": [each.model_dump() for each in baseline.lineage],
        "moves": [each.model_dump() for each in baseline.moves],
        "metrics": baseline.metrics,
        "follows": baseline.follows,
        "restores": baseline.restores,
        "proposed_by": baseline.proposed_by,
        "decided_by": baseline.decided_by,
        "decided_at": baseline.decided_at.isoformat() if baseline.decided_at else None,
        "decision": baseline.decision,
        "created_at": baseline.created_at.isoformat(),
    }


def show_baseline(baseline: "Baseline", status: str) -> None:
    """Print a baseline's segments and its preview."""
    from cli.baseline.tables import baseline_tables

    console = tables()
    for each in baseline_tables(baseline, status):
        console.print(each)
    if status == "proposed":
        number = baseline.baseline
        console.print(f"put it live: shoal baselines approve {number}   turn it down: shoal baselines reject {number}")


def write_report(folder: Path, baseline: "Baseline", document: bytes | None) -> list[Path]:
    """Write report.html and report.json into a folder. Raises ReportMissing."""
    from batch.report.write_report import write

    return write(folder, baseline, document)
