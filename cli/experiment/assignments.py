"""Who sees what, with what the live state says of each customer."""

from collections.abc import Sequence
from typing import Any

from cli.experiment.stored_experiments import open_experiments

__all__ = ["assignments", "assignments_table"]

_REASONS = {
    "suppressed": "suppressed (`shoal suppress`)",
    "holdout": "in the holdout",
    "not_targeted": "segment is not targeted",
}


def assignments(experiment_id: str, customers: Sequence[str], redis_url: str | None) -> dict[str, Any]:
    """Return each customer's variant, or why there is none, in the order given; three round trips to Redis."""
    experiments = open_experiments(redis_url)
    experiment = experiments.get(experiment_id)
    rows = experiments.assignments(experiment, customers)
    return {"experiment": experiment_id, "status": experiment.status(experiments.now()), "assignments": rows}


def assignments_table(document: dict[str, Any]) -> Any:
    """Return the table of assignments."""
    from rich.table import Table

    table = Table(title=f"{document['experiment']} ({document['status']})")
    for heading in ("customer", "variant", "segment"):
        table.add_column(heading)
    for row in document["assignments"]:
        none = f"none: {_REASONS.get(row['unassigned'], row['unassigned'])}"
        table.add_row(row["customer_id"], row["variant"] or none, row["segment"] or "–")
    return table
